"""What a start makes of what earlier processes left: on a real store and real files, branch by branch."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.open_holds import RedisOpenHolds
from gateway.core.account import Balance
from gateway.core.admission import Admission, Created
from gateway.core.ledger import Outcome, State, Verb
from gateway.core.remains import Damage
from gateway.ports import StoreUnavailable
from gateway.service.recovery import Recovered, Recovery
from tests.adapters.redis.holds import JOBS, TEAM, demand, open_ledger
from tests.adapters.spool.spools import COST, MACHINE, acceptance, files, hold, killed, opened
from tests.doubles import NOON, StillClock

HOUR = timedelta(hours=1)
UNSENT = {"cause": "never_sent"}
CUT_OFF = {"cause": "the gateway ended while it was sending"}


class House:
    """A store, a data directory, and the starts of a gateway on them."""

    def __init__(self, store: Store, ledger: RedisLedger, data_dir: Path) -> None:
        self.store = store
        self.ledger = ledger
        self.data_dir = data_dir
        self.clock = StillClock(NOON + HOUR)
        self.starts = 0

    async def admit(self, *hold_ids: str, sender: str = "old") -> None:
        for hold_id in hold_ids:
            demands = (demand(TEAM, COST, 10**9), demand(JOBS, 1, 10**6))
            admitted = await self.ledger.admit(Admission(hold(hold_id, sender), demands, ()), datetime.now(UTC))
            assert isinstance(admitted, Created)

    async def start(self, machine: str | None = MACHINE, *, history_lost: bool = False) -> Recovered:
        """One start of the gateway, which ends in order."""
        self.starts += 1
        with opened(self.data_dir, f"new{self.starts}", machine, self.clock) as (spool, remains):
            holds = RedisOpenHolds(self.store, self.ledger)
            return await Recovery(self.ledger, holds, spool, self.clock)(remains, history_lost=history_lost)

    async def state(self, hold_id: str) -> State:
        record = await self.ledger.find(hold_id)
        return State.NONE if record is None else record.state

    async def last(self) -> tuple[str, str, dict[str, str]]:
        entry = (await self.ledger.entries())[-1]
        return (
            entry.kind,
            entry.hold,
            {name: text for name, text in entry.facts.items() if name not in {"record", "epoch"}},
        )

    async def balances(self) -> tuple[Balance, ...]:
        return await self.ledger.balances([TEAM, JOBS])


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> House:
    return House(store, await open_ledger(store), tmp_path)


async def test_where_there_was_nobody_before_there_is_nothing_to_do(house: House) -> None:
    await house.admit("h1", sender="another gateway")
    assert await house.start() == Recovered(0, {}, ())
    assert await house.state("h1") is State.HELD
    assert files(house.data_dir) == []


async def test_a_job_that_was_accepted_is_captured_as_its_line_says(house: House) -> None:
    await house.admit("h1")
    with killed(house.data_dir) as spool:
        spool.sent("h1")
        spool.accepted(acceptance("h1", cost=COST + 7, facts={"overage": "7"}))

    assert await house.start() == Recovered(1, {Outcome.CAPTURED: 1}, ())

    assert await house.last() == ("captured", "h1", {"job": "job of h1", "cost": str(COST + 7), "overage": "7"})
    assert await house.balances() == (Balance(COST + 7, 0), Balance(1, 0))


async def test_a_hold_in_doubt_whose_job_was_accepted_is_captured(house: House) -> None:
    await house.admit("h1")
    with killed(house.data_dir) as spool:
        spool.accepted(acceptance("h1"))
    await house.ledger.move(Verb.DOUBT, hold("h1"), NOON)
    assert (await house.start()).outcomes == {Outcome.CAPTURED: 1}
    assert await house.state("h1") is State.CAPTURED


async def test_a_hold_that_was_never_sent_is_voided(house: House) -> None:
    await house.admit("h1", "h2")
    with killed(house.data_dir) as spool:
        spool.sent("h2")
    assert await house.start() == Recovered(1, {Outcome.VOIDED: 1, Outcome.DOUBTED: 1}, ())
    assert (await house.state("h1"), await house.state("h2")) == (State.VOIDED, State.IN_DOUBT)
    assert await house.balances() == (Balance(0, COST), Balance(0, 1))


@pytest.mark.parametrize(("hold_id", "said"), [("h1", ("voided", "h1", UNSENT)), ("h2", ("doubted", "h2", CUT_OFF))])
async def test_why_a_hold_was_voided_or_is_in_doubt_is_written_down(
    house: House, hold_id: str, said: tuple[str, str, dict[str, str]]
) -> None:
    await house.admit(hold_id)
    with killed(house.data_dir) as spool:
        spool.sent("h2")
    await house.start()
    assert await house.last() == said


@pytest.mark.parametrize("machine", ["another boot of the machine", None])
async def test_after_another_start_of_the_machine_nothing_was_provably_never_sent(
    house: House, machine: str | None
) -> None:
    await house.admit("never sent", "sent", "accepted")
    with killed(house.data_dir) as spool:
        spool.sent("sent")
        spool.accepted(acceptance("accepted"))
    assert (await house.start(machine)).outcomes == {Outcome.DOUBTED: 2, Outcome.CAPTURED: 1}
    assert await house.state("never sent") is State.IN_DOUBT


async def test_in_a_store_that_lost_history_nothing_was_provably_never_sent(house: House) -> None:
    await house.admit("h1")
    with killed(house.data_dir) as spool:
        spool.sent("h2")
    assert (await house.start(history_lost=True)).outcomes == {Outcome.DOUBTED: 1}


async def test_with_a_damaged_journal_nothing_was_provably_never_sent(house: House) -> None:
    await house.admit("h1", "h2")
    with killed(house.data_dir) as spool:
        spool.sent("h2")
        spool.sent("h3")
    path = house.data_dir / "spool" / "old.1.jsonl"
    path.write_bytes(path.read_bytes().replace(b"h2", b"h9"))
    found = await house.start()
    assert found == Recovered(1, {Outcome.DOUBTED: 2}, (Damage("old.1.jsonl", torn=False, lines=1),))


async def test_a_hold_in_doubt_without_an_acceptance_is_left_to_whoever_looks_for_evidence(house: House) -> None:
    """The journal may have dropped its line, because the store had acknowledged the doubt."""
    await house.admit("h1")
    with killed(house.data_dir) as spool:
        spool.sent("h2")
    await house.ledger.move(Verb.DOUBT, hold("h1"), NOON)
    assert (await house.start()).outcomes == {}
    assert await house.state("h1") is State.IN_DOUBT


async def test_the_holds_of_others_are_theirs(house: House) -> None:
    await house.admit("h1", sender="another gateway")
    await house.admit("h2", sender="")
    with killed(house.data_dir) as spool:
        spool.sent("h3")
    assert (await house.start()).outcomes == {}
    assert await house.state("h1") is State.HELD
    assert await house.state("h2") is State.HELD


async def test_a_job_whose_hold_the_store_lost_is_adopted(house: House) -> None:
    with killed(house.data_dir) as spool:
        spool.accepted(acceptance("h1"))
    assert (await house.start()).outcomes == {Outcome.ADOPTED: 1}
    assert await house.balances() == (Balance(COST, 0), Balance(1, 0))


async def test_what_was_captured_already_is_left_alone(house: House) -> None:
    await house.admit("h1")
    with killed(house.data_dir) as spool:
        spool.accepted(acceptance("h1"))
    await house.ledger.move(Verb.CAPTURE, hold("h1"), NOON, job="job of h1", cost=COST)
    before = await house.ledger.entries()
    assert (await house.start()).outcomes == {Outcome.ALREADY: 1}
    assert await house.ledger.entries() == before


async def test_what_is_known_to_be_captured_is_not_even_asked(house: House) -> None:
    with opened(house.data_dir, "old") as (spool, _):
        spool.accepted(acceptance("h1"))
        spool.acknowledged("h1")
    assert (await house.start()).outcomes == {}


async def test_a_hold_that_is_open_once_more_in_a_restored_store_is_captured_again(house: House) -> None:
    with opened(house.data_dir, "old") as (spool, _):
        spool.accepted(acceptance("h1"))
        spool.acknowledged("h1")
    await house.admit("h1")
    assert (await house.start(history_lost=True)).outcomes == {Outcome.CAPTURED: 1}


async def test_a_job_that_is_another_holds_leaves_its_hold_in_doubt(house: House) -> None:
    await house.admit("h1", "h2")
    with killed(house.data_dir) as spool:
        spool.accepted(acceptance("h1", job="job_1"))
    await house.ledger.move(Verb.CAPTURE, hold("h2"), NOON, job="job_1", cost=COST)
    assert (await house.start()).outcomes == {Outcome.JOB_BOUND: 1, Outcome.DOUBTED: 1}
    assert await house.state("h1") is State.IN_DOUBT


async def test_an_acceptance_too_old_to_adopt_is_for_the_operator(house: House) -> None:
    with killed(house.data_dir) as spool:
        spool.accepted(acceptance("h1"))
    house.clock.advance(timedelta(days=8))
    assert (await house.start()).outcomes == {Outcome.MISSING: 1}


async def test_several_earlier_processes(house: House) -> None:
    for n in range(3):
        boot = f"old{n}"
        await house.admit(f"held {n}", f"sent {n}", f"accepted {n}", sender=boot)
        with killed(house.data_dir, boot, clock=StillClock(NOON + n * timedelta(minutes=1))) as spool:
            spool.sent(f"sent {n}")
            spool.accepted(acceptance(f"accepted {n}", sender=boot))
    assert await house.start() == Recovered(3, {Outcome.VOIDED: 3, Outcome.DOUBTED: 3, Outcome.CAPTURED: 3}, ())


async def test_more_than_can_be_asked_at_once(house: House) -> None:
    with killed(house.data_dir) as spool:
        for n in range(250):
            spool.accepted(acceptance(f"h{n}"))
    assert (await house.start()).outcomes == {Outcome.ADOPTED: 250}
    assert await house.balances() == (Balance(250 * COST, 0), Balance(250, 0))


async def test_the_next_start_has_nothing_to_do(house: House) -> None:
    await house.admit("held", "sent", "accepted")
    with killed(house.data_dir) as spool:
        spool.sent("sent")
        spool.accepted(acceptance("accepted"))
    assert sum((await house.start()).outcomes.values()) == 3
    assert (await house.start()).outcomes == {}


class Failing:
    """A ledger that answers so many moves, and then none."""

    def __init__(self, ledger: RedisLedger, answers: int) -> None:
        self._ledger = ledger
        self._answers = answers

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    async def move(self, *arguments: object, **named: object) -> object:
        self._answers -= 1
        if self._answers < 0:
            raise StoreUnavailable("down")
        return await self._ledger.move(*arguments, **named)


@pytest.mark.parametrize("answers", range(4))
async def test_a_recovery_that_the_store_cut_short_is_begun_anew(house: House, answers: int) -> None:
    await house.admit("held", "sent", "accepted")
    with killed(house.data_dir) as spool:
        spool.sent("sent")
        spool.accepted(acceptance("accepted"))
        spool.accepted(acceptance("lost"))
    ledger = house.ledger
    house.ledger = Failing(ledger, answers)
    with pytest.raises(StoreUnavailable):
        await house.start()
    house.ledger = ledger
    assert "old.1.jsonl" in files(house.data_dir)

    await house.start()

    states = [await house.state(name) for name in ("held", "sent", "accepted", "lost")]
    assert states == [State.VOIDED, State.IN_DOUBT, State.CAPTURED, State.CAPTURED]
    assert await house.balances() == (Balance(2 * COST, COST), Balance(2, 1))
    kinds = [entry.kind for entry in await house.ledger.entries() if entry.kind != "hold"]
    assert sorted(kinds) == ["adopted", "captured", "doubted", "voided"]
