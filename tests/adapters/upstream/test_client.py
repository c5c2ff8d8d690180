"""The provider's API over real sockets: send once with the real key, and know whether a byte may have left."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from gateway.adapters.system import SystemClock
from gateway.adapters.upstream import HttpUpstream
from gateway.adapters.upstream.reply_reader import MAX_REPLY, ReplyReader
from gateway.core.reply import Accepted, NotSent, Rejected, Reply, Unknown
from gateway.ports import Question, Unanswered
from tests.adapters.upstream.lines import submit, upstream
from tests.doubles import StillClock
from tests.walkthrough.house import CANARY
from tests.walkthrough.outcomes import COST, accepted, envelope
from tests.walkthrough.stranger import Stranger, reply, says, says_and_resets, stays_silent, stranger

OK = says(reply(200, accepted("job_1")))


@dataclass
class Ticks(StillClock):
    """A clock that shows these times one after the other, then stands."""

    times: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


async def test_the_real_key_goes_in_and_the_answer_comes_back() -> None:
    async with stranger(OK) as there, upstream(there.url + "/") as met:
        result = await submit(met, body=b'{"model":"x"}')
        assert isinstance(result, Accepted)
        assert (result.job_id, result.cost, result.reply.body) == ("job_1", COST, accepted("job_1"))
        assert there.head().split("\r\n")[0] == "POST /v1/jobs/submit HTTP/1.1"
        assert f"Authorization: Bearer {CANARY}" in there.head()
        assert there.body() == b'{"model":"x"}'


async def test_connections_are_kept_and_used_again() -> None:
    async with stranger(OK) as there, upstream(there.url) as met:
        for _ in range(3):
            assert isinstance(await submit(met), Accepted)
        assert (there.connections, len(there.requests)) == (1, 3)


async def test_the_key_is_asked_for_every_time() -> None:
    keys = iter(["pb_one", "pb_two"])
    async with stranger(OK) as there:
        met = HttpUpstream(there.url, lambda: next(keys), SystemClock())
        await submit(met)
        await submit(met)
        assert [f"Bearer pb_{name}" in there.head(at) for at, name in enumerate(("one", "two"))] == [True, True]
        met.close()


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with stranger(OK) as there, upstream(there.url) as met:
        assert await submit(met, SystemClock().monotonic() - 1) == NotSent("deadline passed")
        assert there.connections == 0


@pytest.mark.parametrize("connected", [False, True], ids=["a new connection", "a kept connection"])
async def test_a_deadline_that_passes_until_the_connection_is_ready_sends_nothing(connected: bool) -> None:
    clock = Ticks(times=[0.0])
    async with stranger(OK) as there, upstream(there.url, clock) as met:
        if connected:
            assert isinstance(await submit(met, 5.0), Accepted)
        sent = len(there.requests)

        clock.times = [0.0, 5.0]
        assert await submit(met, 5.0) == NotSent("deadline passed")

        # The next one is not hindered by what was left of it; it even finds its connection there.
        clock.times = [0.0]
        assert isinstance(await submit(met, 5.0), Accepted)
        assert (there.connections, len(there.requests)) == (1, sent + 1)


async def test_silence_until_the_deadline_leaves_doubt() -> None:
    # Time enough to connect, and then a tenth of a second.
    clock = Ticks(times=[0.0, 59.9])
    async with stranger(stays_silent) as there, upstream(there.url, clock) as met:
        assert await submit(met, 60.0) == Unknown("TimeoutError")
        assert len(there.requests) == 1


async def test_a_connection_that_was_never_made_sends_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = Stranger(free.getsockname()[1])
    async with upstream(nobody.url) as met:
        assert await submit(met) == NotSent("ConnectionRefusedError")


async def test_a_host_that_cannot_be_one_sends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with upstream(f"http://{'x' * 64}.invalid") as met:
        assert await submit(met) == NotSent("a host name that cannot be one")
    assert caplog.text == ""


@pytest.mark.parametrize("broken", ["pb_a\r\nX-Other: b", "pb_a\nb", "pb_a\rb", "pb_a\0b", "pb_ä"])
async def test_a_key_that_no_header_can_carry_sends_nothing(broken: str, caplog: pytest.LogCaptureFixture) -> None:
    async with stranger(OK) as there, upstream(there.url, key=broken) as met:
        assert isinstance(await submit(met), NotSent)
        assert there.connections == 0
        assert "in written" in caplog.text
        assert "pb_" not in caplog.text


async def test_a_mistake_of_ours_is_a_value_and_is_not_kept_quiet(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must neither leave a hold to itself nor pass for trouble on the line."""

    def no_key() -> str:
        raise LookupError(CANARY)

    def no_header(_reader: ReplyReader, _name: bytes, _value: bytes) -> None:
        raise LookupError(CANARY)

    async with stranger(OK) as there, upstream(there.url) as met:
        assert await submit(HttpUpstream(there.url, no_key, SystemClock())) == NotSent("LookupError")
        assert there.requests == []
        assert "in no_key" in caplog.text
        assert CANARY not in caplog.text

        caplog.clear()
        monkeypatch.setattr(ReplyReader, "on_header", no_header)
        assert await submit(met) == Unknown("LookupError")
        assert len(there.requests) == 1
        assert "in no_header" in caplog.text
        assert CANARY not in caplog.text


async def test_trouble_on_the_line_is_no_mistake_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async with stranger(says_and_resets()) as rude, upstream(rude.url) as met:
        assert await submit(met) == Unknown("ConnectionResetError")
    async with stranger(says(b"what?\r\n\r\n")) as confused, upstream(confused.url) as met:
        assert await submit(met) == Unknown("unreadable reply: Expected HTTP/, RTSP/ or ICE/")
    assert caplog.text == ""


async def test_a_reply_may_have_a_megabyte_and_no_more() -> None:
    full = accepted("job_1", padding="x" * (MAX_REPLY - len(accepted("job_1", padding=""))))
    assert len(full) == MAX_REPLY
    async with stranger(says(reply(200, full)), says(reply(200, full + b" "))) as there, upstream(there.url) as met:
        assert isinstance(await submit(met), Accepted)
        assert await submit(met) == Unknown("reply too large")


async def test_nothing_is_sent_twice() -> None:
    async with stranger(OK, says_and_resets(), OK) as there, upstream(there.url) as met:
        kinds = [type(await submit(met)) for _ in range(3)]
        assert kinds == [Accepted, Unknown, Accepted]
        assert len(there.requests) == 3


async def test_a_redirect_is_an_answer_and_not_an_address() -> None:
    async with stranger(OK) as elsewhere, stranger(says(reply(307, b"", f"Location: {elsewhere.url}"))) as there:
        async with upstream(there.url) as met:
            assert await submit(met) == Unknown("redirect 307", surprising=True)
        assert elsewhere.connections == 0


async def test_another_protocol_is_no_answer() -> None:
    switches = says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    async with stranger(switches, OK) as there, upstream(there.url) as met:
        assert await submit(met) == Unknown("undocumented 101", surprising=True)
        assert isinstance(await submit(met), Accepted)
        assert there.connections == 2


async def test_cookies_and_proxies_of_the_environment_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    baked = says(reply(200, accepted("job_1"), "Set-Cookie: session=1; Path=/"))
    async with stranger(OK) as proxy, stranger(baked) as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with upstream(there.url) as met:
            assert isinstance(await submit(met), Accepted)
            assert isinstance(await submit(met), Accepted)
        assert proxy.connections == 0
        assert "cookie" not in there.head(1).lower()


async def test_what_echoes_the_key_is_blotted_out_before_anybody_reads_it() -> None:
    echo = envelope("INVALID_API_KEY", hint=CANARY)
    in_body, in_header = reply(401, echo), reply(401, envelope("INVALID_API_KEY"), f"WWW-Authenticate: {CANARY}")
    async with stranger(says(in_body), says(in_header)) as there, upstream(there.url) as met:
        result = await submit(met)
        assert isinstance(result, Rejected)
        assert result.reply.body == echo.replace(CANARY.encode(), b"[redacted]")
        assert CANARY not in repr(result)

        result = await submit(met)
        assert isinstance(result, Rejected)
        assert result.reply.headers["WWW-Authenticate"] == "[redacted]"
        assert CANARY not in repr(result)


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, float], None]]:
    def set_slots(count: int, wait: float) -> None:
        monkeypatch.setattr("gateway.adapters.upstream.client.SLOTS", count)
        monkeypatch.setattr("gateway.adapters.upstream.client.SLOT_WAIT_S", wait)

    return set_slots


def any_upstream() -> HttpUpstream:
    return HttpUpstream("http://127.0.0.1:9", lambda: CANARY, SystemClock())


async def test_only_so_many_places_and_a_place_is_free_again_whatever_happened(
    slots: Callable[[int, float], None],
) -> None:
    slots(2, 0.05)

    async def fills_up(met: HttpUpstream) -> None:
        async with met.slot() as one, met.slot() as two, met.slot() as three:
            assert (one, two, three) == (met, met, None)
            raise ZeroDivisionError

    met = any_upstream()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await fills_up(met)


async def test_a_place_that_comes_free_in_time_is_taken(slots: Callable[[int, float], None]) -> None:
    slots(1, 60.0)
    met, order = any_upstream(), []

    async def work(name: str) -> None:
        async with met.slot() as slot:
            assert slot is not None
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(work("first"), work("second"))
    assert order == ["first begins", "first ends", "second begins", "second ends"]


async def test_places_bound_connections(slots: Callable[[int, float], None]) -> None:
    slots(3, 60.0)
    async with stranger(OK) as there, upstream(there.url) as met:
        results = await asyncio.gather(*(submit(met) for _ in range(60)))
        assert all(isinstance(result, Accepted) for result in results)
        assert len(there.requests) == 60
        assert there.connections == 3


def question(
    path: str = "/v1/jobs/job_1", body: bytes | None = None, method: str = "GET", lasts: float = 60
) -> Question:
    return Question(method, path, {"X-Request-Id": "req_1"}, body, SystemClock().monotonic() + lasts)


async def test_any_other_question_is_asked_with_the_real_key_and_as_it_stands() -> None:
    async with stranger(says(reply(404, envelope("JOB_NOT_FOUND")))) as there, upstream(there.url) as met:
        answer = await met.ask(question("/v1/jobs/job_1?a=b"))
        assert isinstance(answer, Reply)
        assert (answer.status, answer.body) == (404, envelope("JOB_NOT_FOUND"))
        head = there.head().split("\r\n")
        assert head[0] == "GET /v1/jobs/job_1?a=b HTTP/1.1"
        assert f"Authorization: Bearer {CANARY}" in head
        assert not [line for line in head if line.lower().startswith(("content-length", "content-type"))]

        await met.ask(question("/v1/jobs/estimate", b"{}", "POST"))
        assert (there.head(1).split("\r\n")[0], there.body(1)) == ("POST /v1/jobs/estimate HTTP/1.1", b"{}")
        assert "Content-Type: application/json" in there.head(1)


async def test_the_real_key_is_blotted_out_of_every_answer() -> None:
    echo = says(reply(200, b'{"echo":"Bearer %b"}' % CANARY.encode(), f"X-Echo: {CANARY}"))
    async with stranger(echo) as there, upstream(there.url) as met:
        answer = await met.ask(question())
        assert isinstance(answer, Reply)
        assert (answer.body, answer.headers["X-Echo"]) == (b'{"echo":"Bearer [redacted]"}', "[redacted]")


async def test_nothing_is_followed_and_no_question_is_asked_twice() -> None:
    elsewhere = says(reply(307, b"", "Location: /v1/elsewhere"))
    async with stranger(elsewhere, says_and_resets()) as there, upstream(there.url) as met:
        answer = await met.ask(question())
        assert isinstance(answer, Reply)
        assert answer.status == 307
        assert isinstance(await met.ask(question()), Unanswered)
        assert len(there.requests) == 2


async def test_a_question_that_is_not_answered_in_time_is_given_up() -> None:
    async with stranger(stays_silent) as there, upstream(there.url) as met:
        assert await met.ask(question(lasts=0.1)) == Unanswered("TimeoutError")
        assert len(there.requests) == 1


async def test_whoever_asks_takes_no_place_of_a_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.upstream.client.LINES", 1)
    monkeypatch.setattr("gateway.adapters.upstream.client.SLOT_WAIT_S", 0.05)
    asked = asyncio.Event()

    async def notes_and_stays_silent(_writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with stranger(notes_and_stays_silent, OK) as there, upstream(there.url) as met:
        first = asyncio.create_task(met.ask(question(lasts=5)))
        await asked.wait()
        assert await met.ask(question()) == Unanswered("no connection was free", busy=True)
        assert isinstance(await submit(met), Accepted)
        first.cancel()
        await asyncio.wait([first])
