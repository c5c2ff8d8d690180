"""The provider's API over real sockets: send once with the real key, and know whether a byte may have left."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import ClientSession

from gateway.adapters.system import SystemClock
from gateway.adapters.upstream import MAX_REPLY, HttpUpstream, open_session
from gateway.core.reply import Accepted, NotSent, Rejected, Unknown, UpstreamResult
from gateway.ports import Clock, Outgoing
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


@asynccontextmanager
async def meeting(upstream: Stranger, clock: Clock | None = None) -> AsyncIterator[HttpUpstream]:
    async with open_session() as session:
        yield HttpUpstream(session, upstream.url + "/", lambda: CANARY, clock or SystemClock())


async def submit(upstream: HttpUpstream, deadline: float | None = None, body: bytes = b"{}") -> UpstreamResult:
    """One submit with `deadline`, by the upstream's own clock; without one it has ten seconds."""
    ends = SystemClock().monotonic() + 10 if deadline is None else deadline
    async with upstream.slot() as slot:
        assert slot is not None
        return await slot.submit(Outgoing(body, {"X-Request-Id": "req_1"}, ends))


async def test_the_real_key_goes_in_and_the_answer_comes_back() -> None:
    async with stranger(OK) as upstream, meeting(upstream) as met:
        result = await submit(met, body=b'{"model":"x"}')
        assert isinstance(result, Accepted)
        assert (result.job_id, result.cost, result.reply.body) == ("job_1", COST, accepted("job_1"))
        assert upstream.head().split("\r\n")[0] == "POST /v1/jobs/submit HTTP/1.1"
        assert f"Authorization: Bearer {CANARY}" in upstream.head()
        assert upstream.body() == b'{"model":"x"}'


async def test_connections_are_kept_and_used_again() -> None:
    async with stranger(OK) as upstream, meeting(upstream) as met:
        for _ in range(3):
            assert isinstance(await submit(met), Accepted)
        assert (upstream.connections, len(upstream.requests)) == (1, 3)


async def test_the_key_is_asked_for_every_time() -> None:
    keys = iter(["pb_one", "pb_two"])
    async with stranger(OK) as upstream, open_session() as session:
        met = HttpUpstream(session, upstream.url, lambda: next(keys), SystemClock())
        await submit(met)
        await submit(met)
        assert [f"Bearer pb_{name}" in upstream.head(at) for at, name in enumerate(("one", "two"))] == [True, True]


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with stranger(OK) as upstream, meeting(upstream) as met:
        assert isinstance(await submit(met, SystemClock().monotonic() - 1), NotSent)
        assert upstream.requests == []


@pytest.mark.parametrize("connected", [False, True], ids=["a new connection", "a kept connection"])
async def test_a_deadline_that_passes_until_the_connection_is_ready_sends_nothing(connected: bool) -> None:
    clock = Ticks(times=[0.0])
    async with stranger(OK) as upstream, meeting(upstream, clock) as met:
        if connected:
            assert isinstance(await submit(met, 5.0), Accepted)
        sent = len(upstream.requests)

        clock.times = [0.0, 5.0]
        assert await submit(met, 5.0) == NotSent("_DeadlinePassed")

        # The next one is not hindered by what was left of it.
        clock.times = [0.0]
        assert isinstance(await submit(met, 5.0), Accepted)
        assert len(upstream.requests) == sent + 1


async def test_silence_until_the_deadline_leaves_doubt() -> None:
    async with stranger(stays_silent) as upstream, meeting(upstream) as met:
        assert await submit(met, SystemClock().monotonic() + 0.2) == Unknown("TimeoutError")
        assert len(upstream.requests) == 1


async def test_a_connection_that_was_never_made_sends_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        upstream = Stranger(free.getsockname()[1])
    async with meeting(upstream) as met:
        assert await submit(met) == NotSent("ClientConnectorError")


async def test_whatever_else_goes_wrong_is_a_value_too() -> None:
    """A host that cannot be one, a key that no header can carry: no exception may leave a hold to itself."""
    async with stranger(OK) as upstream, open_session() as session:
        nowhere = HttpUpstream(session, f"http://{'x' * 64}.invalid", lambda: CANARY, SystemClock())
        assert isinstance(await submit(nowhere), NotSent)
        broken = HttpUpstream(session, upstream.url, lambda: "pb_a\r\nX-Other: b", SystemClock())
        assert isinstance(await submit(broken), Unknown)
        assert upstream.requests == []


async def test_a_mistake_of_ours_is_a_value_and_is_not_kept_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """It must neither leave a hold to itself nor pass for trouble on the line."""

    def no_key() -> str:
        raise LookupError(CANARY)

    async with stranger(OK) as upstream, open_session() as session:
        assert await submit(HttpUpstream(session, upstream.url, no_key, SystemClock())) == NotSent("LookupError")
        assert upstream.requests == []
        assert "in no_key" in caplog.text
        assert CANARY not in caplog.text

        caplog.clear()
        async with stranger(says_and_resets()) as rude:
            await submit(HttpUpstream(session, rude.url, lambda: CANARY, SystemClock()))
        assert caplog.text == ""


async def test_a_reply_may_have_a_megabyte_and_no_more() -> None:
    full = accepted("job_1", padding="x" * (MAX_REPLY - len(accepted("job_1", padding=""))))
    assert len(full) == MAX_REPLY
    async with stranger(says(reply(200, full)), says(reply(200, full + b" "))) as upstream, meeting(upstream) as met:
        assert isinstance(await submit(met), Accepted)
        assert await submit(met) == Unknown("_ReplyTooLarge")


async def test_nothing_is_sent_twice() -> None:
    async with stranger(OK, says_and_resets(), OK) as upstream, meeting(upstream) as met:
        kinds = [type(await submit(met)) for _ in range(3)]
        assert kinds == [Accepted, Unknown, Accepted]
        assert len(upstream.requests) == 3


async def test_a_redirect_is_an_answer_and_not_an_address() -> None:
    async with stranger(OK) as elsewhere, stranger(says(reply(307, b"", f"Location: {elsewhere.url}"))) as upstream:
        async with meeting(upstream) as met:
            assert await submit(met) == Unknown("redirect 307", surprising=True)
        assert elsewhere.connections == 0


async def test_cookies_and_proxies_of_the_environment_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    baked = says(reply(200, accepted("job_1"), "Set-Cookie: session=1; Path=/"))
    async with stranger(OK) as proxy, stranger(baked) as upstream:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with meeting(upstream) as met:
            assert isinstance(await submit(met), Accepted)
            assert isinstance(await submit(met), Accepted)
        assert proxy.connections == 0
        assert "cookie" not in upstream.head(1).lower()


async def test_what_echoes_the_key_is_blotted_out_before_anybody_reads_it() -> None:
    echo = envelope("INVALID_API_KEY", hint=CANARY)
    async with stranger(says(reply(401, echo, f"WWW-Authenticate: {CANARY}"))) as upstream, meeting(upstream) as met:
        result = await submit(met)
        assert isinstance(result, Rejected)
        assert result.reply.body == echo.replace(CANARY.encode(), b"[redacted]")
        assert CANARY not in repr(result)


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, float], None]]:
    def set_slots(count: int, wait: float) -> None:
        monkeypatch.setattr("gateway.adapters.upstream.SLOTS", count)
        monkeypatch.setattr("gateway.adapters.upstream.SLOT_WAIT_S", wait)

    return set_slots


def any_upstream(session: ClientSession) -> HttpUpstream:
    return HttpUpstream(session, "http://127.0.0.1:9", lambda: CANARY, SystemClock())


async def test_only_so_many_places_and_a_place_is_free_again_whatever_happened(
    slots: Callable[[int, float], None],
) -> None:
    slots(2, 0.05)

    async def fills_up(upstream: HttpUpstream) -> None:
        async with upstream.slot() as one, upstream.slot() as two, upstream.slot() as three:
            assert (one, two, three) == (upstream, upstream, None)
            raise ZeroDivisionError

    async with aiohttp.ClientSession() as session:
        upstream = any_upstream(session)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await fills_up(upstream)


async def test_a_place_that_comes_free_in_time_is_taken(slots: Callable[[int, float], None]) -> None:
    slots(1, 5.0)
    async with aiohttp.ClientSession() as session:
        upstream, order = any_upstream(session), []

        async def work(name: str) -> None:
            async with upstream.slot() as slot:
                assert slot is not None
                order.append(f"{name} begins")
                await asyncio.sleep(0)
                order.append(f"{name} ends")

        await asyncio.gather(work("first"), work("second"))
        assert order == ["first begins", "first ends", "second begins", "second ends"]
