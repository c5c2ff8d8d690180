"""The load of the benchmark: when it sends, what it takes for an answer, and that it believes none but jobs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.load import Address, UnexpectedAnswer, body_of, closed_load, due_times, open_load, request_bytes
from bench.upstream import reply

REQUEST = request_bytes("127.0.0.1", "/v1/jobs/submit", "pb_bench", b'{"model":"m"}')
ANSWER = reply(1)


def test_requests_are_due_evenly_from_the_beginning_on() -> None:
    assert due_times(100.0, 4.0, 1.5) == [100.0, 100.25, 100.5, 100.75, 101.0, 101.25]
    assert due_times(0.0, 1000.0, 2.0)[-1] == 1.999


@pytest.mark.parametrize("cut", [0, 5, ANSWER.index(b"\r\n\r\n") + 2, len(ANSWER) - 1])
def test_an_answer_is_whole_when_its_length_has_arrived(cut: int) -> None:
    assert body_of(ANSWER[:cut]) is None
    assert body_of(ANSWER) == ANSWER.partition(b"\r\n\r\n")[2]


def test_an_answer_without_a_length_is_none() -> None:
    with pytest.raises(UnexpectedAnswer):
        body_of(b"HTTP/1.1 200 OK\r\n\r\n")


@contextmanager
def answering(*pieces: bytes) -> Iterator[tuple[Address, list[bytes]]]:
    """A server that sends `pieces` one by one for every request, and keeps what it was sent."""
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                heard.append(request)
                for piece in pieces:
                    connection.sendall(piece)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=talk, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield listener.getsockname(), heard
        finally:
            # Closing alone does not wake up a thread that waits for the next connection.
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@pytest.mark.parametrize("pieces", [(ANSWER,), (ANSWER[:20], ANSWER[20:150], ANSWER[150:])])
def test_every_request_of_a_rate_is_sent_and_answered_once(pieces: tuple[bytes, ...]) -> None:
    with answering(*pieces) as (address, heard):
        load = open_load(address, [REQUEST], connections=3, rate=1000.0, seconds=0.05)
    assert load.answers == len(heard) == 50
    assert set(heard) == {REQUEST}
    assert min(load.latencies) > 0


def test_a_closed_load_ends_with_every_request_answered() -> None:
    with answering(ANSWER) as (address, heard):
        load = closed_load(address, [REQUEST], connections=3, seconds=0.05)
    assert load.answers == len(heard) >= 3
    assert load.per_second == load.answers / load.seconds


def test_requests_are_sent_in_turn() -> None:
    others = [request_bytes("127.0.0.1", "/", key, b"{}") for key in ("a", "b", "c")]
    with answering(ANSWER) as (address, heard):
        open_load(address, others, connections=1, rate=1000.0, seconds=0.007)
    assert heard == [*others, *others, others[0]]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 402 Payment Required\r\nContent-Length: 15\r\n\r\n" + b'{"jobId":"none"}'[:15],
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_what_is_no_job_ends_the_load(answer: bytes) -> None:
    with answering(answer) as (address, _), pytest.raises(UnexpectedAnswer):
        closed_load(address, [REQUEST], connections=1, seconds=5.0)
