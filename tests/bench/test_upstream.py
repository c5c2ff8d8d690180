"""The stand-in upstream of the benchmark: one answer for every whole request, each job with an id of its own."""

import json
from itertools import count
from typing import Any, cast

import pytest

from bench.load import body_of, request_bytes
from bench.upstream import COST, Upstream, content_length
from gateway.core.reply import Accepted, Reply, read_submit_reply

REQUEST = request_bytes("127.0.0.1", "/v1/jobs/submit", "pb_bench", b'{"model":"m"}')


class Written:
    """Stands in for a transport: what was written to it stays."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.answers.append(data)


def answers(*arrivals: bytes) -> list[bytes]:
    written, upstream = Written(), Upstream(count(1))
    upstream.connection_made(cast(Any, written))
    for data in arrivals:
        upstream.data_received(data)
    return written.answers


@pytest.mark.parametrize("cut", [1, REQUEST.index(b"\r\n\r\n") + 2, REQUEST.index(b"{"), len(REQUEST) - 1])
def test_a_request_is_answered_when_it_is_whole_however_it_arrives(cut: int) -> None:
    assert answers(REQUEST[:cut]) == []
    assert len(answers(REQUEST[:cut], REQUEST[cut:])) == 1
    assert len(answers(REQUEST + REQUEST[:cut], REQUEST[cut:] + REQUEST)) == 3


def test_the_gateway_reads_the_answer_as_an_accepted_job() -> None:
    bodies = [body_of(answer) for answer in answers(REQUEST, REQUEST)]
    read = [read_submit_reply(Reply(200, {}, body or b"")) for body in bodies]
    assert [one.job_id for one in read if isinstance(one, Accepted)] == [f"job_{number:016d}" for number in (1, 2)]
    assert [one.cost for one in read if isinstance(one, Accepted)] == [COST, COST]
    assert json.loads(bodies[0] or b"").keys() == {"jobId", "status", "estimatedCompletionTime", "costMicroCents"}


def test_a_head_without_a_length_has_no_body() -> None:
    assert content_length(b"GET / HTTP/1.1\r\nHost: x") == 0
    assert content_length(b"POST / HTTP/1.1\r\nCONTENT-LENGTH: 12\r\nHost: x") == 12
