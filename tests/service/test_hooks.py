"""What the upstream tells of a job's end, on a real store: what is believed, what follows, and that it follows once."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.system import SystemClock
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.current import Current
from gateway.core.delivery import Delivery
from gateway.core.hook_token import Named, read_token, token
from gateway.core.key_secret import Peppers
from gateway.core.ledger import State, Verb
from gateway.core.webhook_event import Heard
from gateway.core.webhook_signature import SIGNATURE, TIMESTAMP, signed
from gateway.ports import StoreUnavailable
from gateway.service import hooks as module
from gateway.service.hooks import Hooks, HookSecrets, Signed
from gateway.service.lifecycle import Lifecycle
from tests.adapters.redis.holds import JOBS, RUNNING, TEAM, admission, demand, open_ledger
from tests.adapters.redis.snapshot import Snapshot, snapshot

LIVE, TEST = "whsec_of_the_upstream", "whsec_of_the_sandbox"
PEPPERS = Peppers(1, {1: b"pepper"})
CLIENT = "https://client.example/hook"
HELD, CHARGED = 700_000, 350_000
KEY = b"pb_canary"


def hold_id(number: int) -> str:
    return f"hold_{number:032x}"


def body(job: str = "job_1", status: str = "completed", **more: object) -> bytes:
    return json.dumps({"jobId": job, "requestId": "req_1", "status": status, **more}).encode()


@dataclass
class Bench:
    """Hooks on a ledger, and what their clients are going to be told."""

    store: Store
    ledger: RedisLedger
    clock: SystemClock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self.events = RedisEvents(self.store)
        self.telemetry = PrometheusTelemetry("0")
        self.hooks = Hooks(
            ledger=self.ledger,
            lifecycle=Lifecycle(self.ledger, self.telemetry, self.clock),
            telemetry=self.telemetry,
            inbox=self.events,
            secrets=Current(HookSecrets(live=(LIVE,), test=(TEST,))),
            peppers=Current(PEPPERS),
            clock=self.clock,
            redact=lambda text: text.replace(KEY, b"[redacted]"),
        )

    async def hold(self, number: int = 1, *verbs: Verb, job: str = "job_1", **others: Any) -> None:
        """A hold whose client wants to be told, after these moves."""
        demands = (demand(TEAM, HELD, 10**9), demand(JOBS, 1, 10**6), demand(RUNNING, 1, 10**6))
        terms = {"relay_to": CLIENT, **others}
        asked = admission(hold_id(number), *demands, created_at=datetime.now(UTC), **terms)
        await self.ledger.admit(asked, datetime.now(UTC))
        for verb in verbs:
            named = {"job": job, "cost": CHARGED} if verb is Verb.CAPTURE else {}
            await self.ledger.move(verb, asked.hold, datetime.now(UTC), **named)

    async def tell(
        self,
        raw: bytes = body(),
        number: int = 1,
        secret: str = LIVE,
        at: timedelta = timedelta(),
        test: bool = False,
    ) -> Heard:
        headers = signed(raw, datetime.now(UTC) + at, secret)
        call = Signed(raw, headers[TIMESTAMP], headers[SIGNATURE])
        return await self.hooks.take(Named(hold_id(number), test), call)

    async def state(self, number: int = 1) -> tuple[State, str | None, int | None]:
        record = await self.ledger.find(hold_id(number))
        assert record is not None
        return record.state, record.job, record.cost

    async def balance(self) -> tuple[int, int]:
        """What is posted and held on the team's account."""
        [found] = await self.ledger.balances([TEAM])
        return found.posted, found.held

    async def queued(self) -> tuple[Delivery, ...]:
        return await self.events.newest(100, None, None)

    async def books(self) -> Snapshot:
        return await snapshot(self.store)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_S", 0.0)


@pytest.fixture
async def bench(store: Store) -> Bench:
    return Bench(store, await open_ledger(store))


async def test_the_end_of_a_captured_job_is_booked_and_passed_on(bench: Bench) -> None:
    await bench.hold(1, Verb.CAPTURE)
    raw = body(output={"url": "https://cdn.example/x"}, note=KEY.decode())
    assert await bench.tell(raw) is Heard.TAKEN
    assert await bench.state() == (State.FINISHED, "job_1", CHARGED)
    [queued] = await bench.queued()
    event = queued.event
    assert (event.id, event.url, event.team, event.job) == (hold_id(1).replace("hold", "evt"), CLIENT, "red", "job_1")
    assert event.body == raw.replace(KEY, b"[redacted]")


async def test_a_failed_job_s_money_comes_back(bench: Bench) -> None:
    await bench.hold(1, Verb.CAPTURE)
    assert await bench.tell(body(status="failed", error={"code": "X", "message": "y"})) is Heard.TAKEN
    assert (await bench.state())[0] is State.REFUNDED
    assert await bench.balance() == (0, 0)


async def test_a_hold_in_doubt_is_captured_at_what_was_held_and_ends(bench: Bench) -> None:
    await bench.hold(1, Verb.DOUBT)
    assert await bench.tell() is Heard.TAKEN
    assert await bench.state() == (State.FINISHED, "job_1", HELD)
    assert await bench.balance() == (HELD, 0)
    assert len(await bench.queued()) == 1
    assert b'tollhouse_settled_holds_total{evidence="webhook",team="red"} 1.0' in bench.telemetry.render(None)


@pytest.mark.parametrize("so_far", [Verb.DOUBT, Verb.CAPTURE])
async def test_what_is_told_at_another_hold_s_address_reaches_nobody(bench: Bench, so_far: Verb) -> None:
    """Signed as it should be, and of another client's job: the one whose address this is waits for its own news."""
    await bench.hold(1, so_far)
    await bench.hold(2, Verb.CAPTURE, job="job_2")
    await bench.tell(body(job="job_2"), number=1)
    assert await bench.queued() == ()
    assert await bench.tell() is Heard.TAKEN
    assert [each.event.job for each in await bench.queued()] == ["job_1"]


async def test_what_only_says_that_a_job_runs_captures_it_and_tells_nobody(bench: Bench) -> None:
    await bench.hold(1, Verb.DOUBT)
    assert await bench.tell(body(status="processing")) is Heard.TAKEN
    assert await bench.state() == (State.CAPTURED, "job_1", HELD)
    assert await bench.tell(body(status="processing")) is Heard.REPEATED
    assert await bench.queued() == ()


async def test_a_submit_that_still_runs_is_left_to_its_answer(bench: Bench) -> None:
    await bench.hold(1)
    before = await bench.books()
    assert await bench.tell() is Heard.EARLY
    assert await bench.books() == before
    await bench.hold(1, Verb.CAPTURE)
    assert await bench.tell() is Heard.TAKEN
    assert await bench.state() == (State.FINISHED, "job_1", CHARGED)


async def test_whoever_tells_early_waits_a_little_for_the_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_S", 30.0)
    monkeypatch.setattr(module, "_LOOK_S", 0.0)
    await bench.hold(1)
    find, seen = bench.ledger.find, []

    async def found(hold: str) -> object:
        seen.append(hold)
        if len(seen) == 3:
            await bench.hold(1, Verb.CAPTURE)
        return await find(hold)

    monkeypatch.setattr(bench.ledger, "find", found)
    assert (await bench.tell(), len(seen)) == (Heard.TAKEN, 3)
    assert await bench.state() == (State.FINISHED, "job_1", CHARGED)


async def test_a_hold_that_was_given_back_wrongly_is_charged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.hold(1, Verb.DOUBT, Verb.VOID)
    assert await bench.tell() is Heard.TAKEN
    assert await bench.state() == (State.FINISHED, "job_1", HELD)
    assert "given back" in caplog.text


async def test_a_job_that_another_hold_has_is_not_charged_twice(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.hold(1, Verb.CAPTURE)
    await bench.hold(2, Verb.DOUBT)
    assert await bench.tell(body("job_1"), number=2) is Heard.TAKEN
    assert await bench.state(2) == (State.IN_DOUBT, None, None)
    assert (await bench.state(1))[0] is State.FINISHED
    assert await bench.balance() == (CHARGED, HELD)
    assert "another hold" in caplog.text


async def test_another_job_than_the_hold_has_changes_nothing_of_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.hold(1, Verb.CAPTURE)
    await bench.tell(body("job_2"))
    assert await bench.state() == (State.CAPTURED, "job_1", CHARGED)
    assert "two jobs" in caplog.text


async def test_a_job_that_the_list_gave_a_hold_is_exchanged_for_the_one_that_its_webhook_names(bench: Bench) -> None:
    await bench.hold(1, Verb.DOUBT)
    record = await bench.ledger.find(hold_id(1))
    assert record is not None
    guess = {"matched": "group"}
    await bench.ledger.move(Verb.CAPTURE, record.hold, datetime.now(UTC), job="job_2", cost=HELD, facts=guess)
    assert await bench.tell() is Heard.TAKEN
    assert await bench.state() == (State.FINISHED, "job_1", HELD)
    assert await bench.balance() == (HELD, 0)
    assert await bench.ledger.owner("job_2") is None
    assert len(await bench.queued()) == 1


async def test_forged_late_and_unreadable_calls_change_nothing(bench: Bench) -> None:
    await bench.hold(1, Verb.CAPTURE)
    before = await bench.books()
    for wrong in ("", "whsec_another", TEST):
        assert await bench.tell(secret=wrong) is Heard.REFUSED
    for late in (timedelta(seconds=-302), timedelta(seconds=302), timedelta(days=-365)):
        assert await bench.tell(at=late) is Heard.REFUSED
    for unreadable in (b"", b"{}", b"\xff", b"[" * 10_000, body(status="done"), body(job="a b")):
        assert await bench.tell(unreadable) is Heard.UNREADABLE
    # A hold that is not, and one of the other world.
    assert await bench.tell(number=2) is Heard.REFUSED
    assert await bench.tell(secret=TEST, test=True) is Heard.REFUSED
    assert await bench.books() == before
    assert await bench.queued() == ()
    assert await bench.tell() is Heard.TAKEN


async def test_the_sandbox_s_signature_counts_for_its_own_jobs_alone(bench: Bench) -> None:
    await bench.hold(1, Verb.CAPTURE, test=True)
    assert await bench.tell(secret=LIVE, test=True) is Heard.REFUSED
    assert await bench.tell(secret=LIVE) is Heard.REFUSED
    assert await bench.tell(secret=TEST, test=True) is Heard.TAKEN


async def test_tokens_are_ours(bench: Bench) -> None:
    named = Named(hold_id(1), test=True)
    assert bench.hooks.named(token(named, PEPPERS)) == named
    assert bench.hooks.named(token(named, Peppers(1, {1: b"another"}))) is None
    assert read_token("1-live-x", PEPPERS) is None


async def test_what_broke_off_half_way_is_made_whole_by_the_next_call(bench: Bench) -> None:
    """The upstream is not thanked before all has happened, so it tells us again."""
    await bench.hold(1, Verb.DOUBT)

    class Full:
        async def put(self, _event: object) -> bool:
            raise StoreUnavailable("out of memory")

    broken = replace(bench.hooks, inbox=Full())
    whole, bench.hooks = bench.hooks, broken
    with pytest.raises(StoreUnavailable):
        await bench.tell()
    assert await bench.queued() == ()
    bench.hooks = whole
    assert await bench.tell() is Heard.TAKEN
    assert await bench.state() == (State.FINISHED, "job_1", HELD)
    assert len(await bench.queued()) == 1


# Any number of calls in any order: genuine, forged, late, of this job or that, while the hold moves by itself.
CALLS = st.lists(
    st.one_of(
        st.tuples(
            st.just("tell"),
            st.integers(1, 2),
            st.sampled_from(["job_1", "job_2"]),
            st.sampled_from(["completed", "failed", "processing", "cancelled"]),
        ),
        st.tuples(st.sampled_from(["forge", "replay late"]), st.integers(1, 2), st.just("job_1"), st.just("failed")),
        st.tuples(st.sampled_from(["capture", "doubt"]), st.integers(1, 2), st.just(""), st.just("")),
    ),
    max_size=14,
)


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[Bench]:
    connection = connect(url)
    try:
        await connection.client.flushall()
        yield Bench(connection, await open_ledger(connection))
    finally:
        await connection.close()


@settings(max_examples=60)
@given(calls=CALLS)
def test_in_any_order_each_end_counts_once_and_no_forgery_ever(
    store_url: str, calls: Sequence[tuple[str, int, str, str]]
) -> None:
    asyncio.run(_in_any_order(store_url, calls))


async def _in_any_order(url: str, calls: Sequence[tuple[str, int, str, str]]) -> None:
    async with emptied(url) as bench:
        for number in (1, 2):
            await bench.hold(number)
        for act, number, job, status in calls:
            before = await bench.books(), await bench.queued()
            match act:
                case "tell":
                    heard = await bench.tell(body(job, status), number)
                    told = await bench.books(), await bench.queued()
                    # Whoever says the same again changes nothing.
                    again = await bench.tell(body(job, status), number)
                    assert again in (Heard.REPEATED, Heard.EARLY)
                    assert (await bench.books(), await bench.queued()) == told
                    assert (told == before) or heard in (Heard.TAKEN, Heard.REPEATED)
                case "capture":
                    await bench.hold(number, Verb.CAPTURE, job=f"job_{number}")
                case "doubt":
                    await bench.hold(number, Verb.DOUBT)
                case "forge":
                    assert await bench.tell(body(job, status), number, secret="guessed") is Heard.REFUSED
                    assert (await bench.books(), await bench.queued()) == before
                case _:
                    late = timedelta(seconds=-301)
                    assert await bench.tell(body(job, status), number, at=late) is Heard.REFUSED
                    assert (await bench.books(), await bench.queued()) == before
        await _is_sound(bench)


async def _is_sound(bench: Bench) -> None:
    """Balances are what the holds say, no job has two of them, and each client is told at most once."""
    records = [await bench.ledger.find(hold_id(number)) for number in (1, 2)]
    posted = held = 0
    for record in records:
        assert record is not None
        open_ = record.state in (State.HELD, State.IN_DOUBT)
        held += HELD if open_ else 0
        posted += (record.cost or 0) - (record.refunded or 0) if not open_ else 0
        assert not open_ or record.job is None
    assert await bench.balance() == (posted, held)
    jobs = [record.job for record in records if record is not None and record.job is not None]
    assert len(set(jobs)) == len(jobs)
    queued = [one.event.hold for one in await bench.queued()]
    assert len(set(queued)) == len(queued)
