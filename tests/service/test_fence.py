"""The fence on a real store that loses history in every way: frozen, replayed, adopted, thawed, and nothing is free."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.redis.watch import RedisWatch
from gateway.core.acceptance import Witness
from gateway.core.admission import Admission, Closed, Created
from gateway.core.history import Kept, Memory, Sighting
from gateway.core.ledger import Outcome, State, Verb
from gateway.ports import PolicyVersion, StoreUnavailable
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand, open_ledger
from tests.doubles import SIGNED
from tests.service.gatehouse import Gatehouse, acceptance

NOW = datetime.now(UTC)
COST = 70


@pytest.fixture
async def ready(store: Store) -> RedisLedger:
    return await open_ledger(store)


def job(number: int, **others: object) -> Admission:
    limits = demand(TEAM, COST, 100_000), demand(RUNNING, 1, 1_000)
    return admission(f"h{number}", *limits, created_at=NOW, **others)


async def sell(house: Gatehouse, *numbers: int) -> None:
    """Jobs that were held, accepted upstream, captured, and that the gateway retains."""
    for number in numbers:
        asked = job(number)
        assert isinstance(await house.ledger.admit(asked, NOW), Created)
        await house.ledger.move(Verb.CAPTURE, asked.hold, NOW, job=f"j{number}", cost=COST)
        house.spool.accepted(acceptance(asked.hold, f"j{number}", COST))


class Copy:
    """A copy of everything in the store, and the way back to it."""

    def __init__(self, store: Store, dumped: dict[bytes, bytes]) -> None:
        self._store = store
        self._dumped = dumped

    @classmethod
    async def of(cls, store: Store) -> "Copy":
        names = await store.command("KEYS", "*")
        return cls(store, {name: await store.command("DUMP", name) for name in names})

    async def restore(self) -> None:
        await self._store.command("FLUSHALL")
        for name, dumped in self._dumped.items():
            await self._store.command("RESTORE", name, 0, dumped)


async def posted(store: Store) -> int:
    return int(await store.command("HGET", keys.account_of(TEAM), "posted") or 0)


async def epoch_of(store: Store) -> str:
    return str((await store.command("HGET", keys.STORE, "epoch")).decode())


async def begin_anew(store: Store) -> None:
    """What `tollhouse store init` does."""
    await store.command("FLUSHALL")
    await initialise(store, Identity("f2.1", "acme"))
    await RedisPolicies(store).publish(PolicyVersion("p1", {}), None, SIGNED)
    await store.command("HSET", keys.key("k1"), "revision", 1)


async def open_for_business(house: Gatehouse, number: int) -> None:
    assert house.guard.closed is None
    assert isinstance(await house.ledger.admit(job(number), NOW), Created)


async def test_nothing_is_frozen_where_nothing_is_lost(ready: RedisLedger, store: Store) -> None:
    one, two = Gatehouse(store, "one"), Gatehouse(store, "two")
    for number in range(5):
        await sell(one, number)
        await two.round()
        await one.round()
    assert await epoch_of(store) == "e1"
    assert one.ledger.memory == Memory("e1", 10, Witness("e1", 10, "h4"), 10)
    assert two.ledger.memory == Memory("e1", 10, None, 10)
    assert one.keepsake.kept == Kept("acme", one.ledger.memory)


async def test_a_store_restored_to_its_past(ready: RedisLedger, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    house = Gatehouse(store)
    await house.round()
    await sell(house, 1, 2)
    copy = await Copy.of(store)
    await sell(house, 3, 4, 5)
    await copy.restore()
    assert await posted(store) == 2 * COST

    assert await house.failing() == ["thawed"]
    assert await house.ledger.admit(job(9), NOW) == Closed("frozen")
    await house.fence.catch_up()
    assert await posted(store) == 5 * COST
    await house.round()

    assert await house.failing() == []
    await open_for_business(house, 6)
    entries = await house.ledger.entries()
    kinds = [entry.kind for entry in entries if entry.seq > 4]
    assert kinds == ["adopted", "adopted", "adopted", "resume", "hold"]
    resume = next(entry for entry in entries if entry.kind == "resume")
    assert (resume.seq, resume.facts) == (11, {"lost_from": "5", "lost_to": "10"})
    # No entry has the epoch and the sequence of one that is lost.
    lines = await store.command("XRANGE", keys.ENTRIES, "5-0", "+")
    named = [(fields[b"epoch"], entry_id) for entry_id, fields in lines]
    frozen = [(b"e1.2", b"5-0"), (b"e1.2", b"6-0"), (b"e1.2", b"7-0")]
    assert named == [*frozen, (b"e1.3", b"11-0"), (b"e1.3", b"12-0")]
    assert await epoch_of(store) == "e1.3"
    assert (await house.ledger.find("h4")).state is State.CAPTURED
    assert "the store lost part of its history; no holds until it is repaired" in caplog.messages


async def test_an_emptied_store_waits_for_an_operator_and_then_learns_what_was_accepted(
    ready: RedisLedger, store: Store
) -> None:
    house = Gatehouse(store)
    await house.round()
    await sell(house, 1, 2, 3)
    await store.command("FLUSHALL")
    for _ in range(3):
        await house.round()
    assert await house.failing() == ["epoch"]
    assert await store.command("DBSIZE") == 0

    await begin_anew(store)
    for _ in range(3):
        await house.round()

    assert await posted(store) == 3 * COST
    await open_for_business(house, 4)
    assert await epoch_of(store) == "f2.3"
    [resume] = [entry for entry in await house.ledger.entries() if entry.kind == "resume"]
    assert (resume.seq, resume.facts) == (7, {"lost_from": "1", "lost_to": "6"})


async def test_a_store_begun_anew_while_nobody_looked_is_found_however_far_it_came(
    ready: RedisLedger, store: Store
) -> None:
    house = Gatehouse(store)
    await house.round()
    await sell(house, 1)
    await begin_anew(store)
    newcomer = Gatehouse(store, "new", epoch="f2.1")
    await newcomer.round()
    await sell(newcomer, 11, 12, 13)
    assert isinstance(await newcomer.ledger.admit(job(14), NOW), Created)

    assert await house.failing() == ["thawed"]
    for _ in range(3):
        await house.round()
        await newcomer.round()
    assert await posted(store) == 4 * COST
    await open_for_business(house, 2)
    await open_for_business(newcomer, 3)


async def test_a_fork_that_outgrew_us_is_caught_by_the_entry_that_is_not_there(
    ready: RedisLedger, store: Store
) -> None:
    one, two = Gatehouse(store, "one"), Gatehouse(store, "two")
    await one.round()
    await two.round()
    copy = await Copy.of(store)
    await sell(one, 1, 2)
    await copy.restore()
    # The other one had seen nothing of it, and goes on in good faith, further than the first had come.
    await sell(two, 11, 12, 13)
    assert one.ledger.memory.seen < two.ledger.memory.seen

    assert await one.failing() == ["thawed"]
    for _ in range(3):
        await two.round()
        await one.round()
    assert await posted(store) == 5 * COST
    await open_for_business(one, 3)
    await open_for_business(two, 4)


async def test_everybody_who_lives_replays_before_it_thaws(ready: RedisLedger, store: Store) -> None:
    houses = [Gatehouse(store, boot) for boot in ("one", "two", "three")]
    for house in houses:
        await house.round()
    copy = await Copy.of(store)
    for number, house in enumerate(houses):
        await sell(house, number)
    await copy.restore()

    for house in houses:
        await house.guard.tend()
    for done, house in enumerate(houses):
        assert await posted(store) == done * COST
        assert (await store.command("HGET", keys.STORE, "frozen")) is not None
        await house.fence.catch_up()
        await house.guard.tend()

    assert await posted(store) == 3 * COST
    assert await store.command("HGET", keys.STORE, "frozen") is None
    for number, house in enumerate(houses):
        await house.round()
        await open_for_business(house, 10 + number)


async def test_one_that_slept_through_it_all_freezes_anew_if_it_lost_something(
    ready: RedisLedger, store: Store
) -> None:
    one, sleeper = Gatehouse(store, "one"), Gatehouse(store, "sleeper")
    await one.round()
    await sleeper.round()
    copy = await Copy.of(store)
    await sell(sleeper, 1)
    await sell(one, 2)
    await copy.restore()
    await store.command("DEL", keys.GATEWAYS)
    for _ in range(3):
        await one.round()
    assert one.guard.closed is None
    assert await posted(store) == COST
    # Nothing that it says is taken before it has looked.
    assert await sleeper.ledger.admit(job(5), NOW) == Closed("epoch")
    with pytest.raises(StoreUnavailable):
        await sleeper.ledger.move(Verb.CAPTURE, job(1).hold, NOW, job="j1", cost=COST)

    assert await sleeper.failing() == ["thawed"]
    for _ in range(3):
        await sleeper.round()
        await one.round()

    assert await posted(store) == 2 * COST
    await open_for_business(one, 6)
    await open_for_business(sleeper, 7)
    assert await epoch_of(store) == "e1.5"


async def test_one_that_slept_through_it_all_and_lost_nothing_goes_along(ready: RedisLedger, store: Store) -> None:
    one, sleeper = Gatehouse(store, "one"), Gatehouse(store, "sleeper")
    await one.round()
    await sell(sleeper, 1)
    copy = await Copy.of(store)
    await sell(one, 2)
    await copy.restore()
    for _ in range(3):
        await one.round()
    assert await epoch_of(store) == "e1.3"

    await sleeper.round()
    assert await epoch_of(store) == "e1.3"
    assert sleeper.keepsake.kept == Kept("acme", Memory("e1.3", 5, None, 5))
    await open_for_business(sleeper, 3)


async def test_one_that_found_the_loss_and_slept_before_it_could_replay(ready: RedisLedger, store: Store) -> None:
    one, sleeper = Gatehouse(store, "one"), Gatehouse(store, "sleeper")
    await one.round()
    await sleeper.round()
    copy = await Copy.of(store)
    await sell(sleeper, 1)
    await copy.restore()
    await sleeper.guard.look()
    assert sleeper.fence.owes_replay
    await store.command("DEL", keys.GATEWAYS)
    for _ in range(3):
        await one.round()
    assert one.guard.closed is None
    assert await posted(store) == 0

    assert await sleeper.failing() == ["thawed"]
    for _ in range(3):
        await sleeper.round()
        await one.round()
    assert await posted(store) == COST
    assert not sleeper.fence.owes_replay
    await open_for_business(sleeper, 2)


async def test_a_look_that_is_cut_off_after_it_froze_leaves_the_debt_on_disk(ready: RedisLedger, store: Store) -> None:
    house = Gatehouse(store)
    await house.round()
    copy = await Copy.of(store)
    await sell(house, 1)
    await house.fence.keep()
    await copy.restore()

    class CutOff(RedisWatch):
        frozen = False

        async def look(self, memory: Memory) -> Sighting | None:
            if self.frozen:
                raise StoreUnavailable("gone")
            return await super().look(memory)

        async def freeze(self, expected: str, fresh: str, lost_from: int, lost_to: int) -> bool:
            self.frozen = await super().freeze(expected, fresh, lost_from, lost_to)
            return self.frozen

    with pytest.raises(StoreUnavailable):
        await house.fence.look(CutOff(store.run))
    assert house.ledger.memory.epoch == "e1.2"
    await house.fence.keep()
    assert house.keepsake.kept is not None
    assert house.keepsake.kept.memory.epoch == "e1"
    for _ in range(3):
        await house.round()
    assert await posted(store) == COST
    assert house.keepsake.kept.memory.epoch == "e1.3"


async def test_a_second_loss_while_it_is_frozen_is_replayed_again(ready: RedisLedger, store: Store) -> None:
    house = Gatehouse(store)
    await house.round()
    copy = await Copy.of(store)
    await sell(house, 1, 2)
    await copy.restore()
    await house.guard.look()
    await house.fence.catch_up()
    assert await posted(store) == 2 * COST

    await copy.restore()
    for _ in range(3):
        await house.round()

    assert await posted(store) == 2 * COST
    assert await epoch_of(store) == "e1.4"
    [resume] = [entry for entry in await house.ledger.entries() if entry.kind == "resume"]
    # Above all that was ever seen, in whatever epoch.
    assert resume.seq == 5
    await open_for_business(house, 3)


async def test_what_a_freeze_by_a_hold_or_a_move_comes_to(ready: RedisLedger, store: Store) -> None:
    """The call that finds the loss freezes at once; the next look joins it and the replay follows."""
    house = Gatehouse(store)
    await house.round()
    copy = await Copy.of(store)
    await sell(house, 1, 2)
    await copy.restore()
    moved = await house.ledger.move(Verb.CAPTURE, job(2).hold, NOW, job="j2", cost=COST)
    assert moved.outcome is Outcome.ADOPTED
    assert await epoch_of(store) == "e1.2"
    for _ in range(3):
        await house.round()
    assert await posted(store) == 2 * COST
    assert await epoch_of(store) == "e1.3"
    await open_for_business(house, 3)


async def test_replay_leaves_alone_what_is_further_along(ready: RedisLedger, store: Store) -> None:
    house = Gatehouse(store)
    await house.round()
    await sell(house, 1, 2, 3)
    await house.ledger.move(Verb.REFUND, job(2).hold, NOW, cost=COST)
    await house.ledger.move(Verb.FINISH, job(3).hold, NOW)
    copy = await Copy.of(store)
    await sell(house, 4)
    await copy.restore()
    for _ in range(3):
        await house.round()
    states = [(await house.ledger.find(f"h{number}")).state for number in range(1, 5)]
    assert states == [State.CAPTURED, State.REFUNDED, State.FINISHED, State.CAPTURED]
    assert await posted(store) == 3 * COST


async def test_a_job_that_is_anothers_meanwhile_is_doubted_and_one_too_old_is_told(
    ready: RedisLedger, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    house = Gatehouse(store)
    await house.round()
    copy = await Copy.of(store)
    await sell(house, 1)
    await copy.restore()
    thief, old = job(7), job(8)
    ancient = replace(old.hold, created_at=NOW - timedelta(days=8))
    house.spool.accepted(acceptance(ancient, "j8", COST))
    other = Gatehouse(store, "other")
    await other.ledger.admit(thief, NOW)
    await other.ledger.move(Verb.CAPTURE, thief.hold, NOW, job="j1", cost=COST)
    for _ in range(3):
        await house.round()
    assert house.guard.closed is None
    told = [record.__dict__["fields"] for record in caplog.records if "not to be posted by itself" in record.message]
    assert {(fields["hold"], fields["job"]) for fields in told} == {("h1", "j1"), ("h8", "j8")}


async def test_many_acceptances_are_replayed_a_few_at_a_time(ready: RedisLedger, store: Store) -> None:
    house, running, most = Gatehouse(store), 0, 0
    await house.round()
    for number in range(100):
        house.spool.accepted(acceptance(job(number).hold, f"j{number}", COST))
    move = house.ledger.move

    async def counted(*given: object, **named: object) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await move(*given, **named)
        finally:
            running -= 1

    house.ledger.move = counted
    await house.watch.freeze("e1", "e1.2", 1, 1)
    for _ in range(3):
        await house.round()
    assert most == 32
    assert await posted(store) == 100 * COST


async def test_a_replay_that_is_cut_off_is_owed_as_before(ready: RedisLedger, store: Store) -> None:
    house = Gatehouse(store)
    await house.round()
    copy = await Copy.of(store)
    await sell(house, 1)
    await copy.restore()
    await house.guard.look()
    move = house.ledger.move

    async def fails(*given: object, **named: object) -> object:
        raise StoreUnavailable("gone")

    house.ledger.move = fails
    with pytest.raises(StoreUnavailable):
        await house.fence.catch_up()
    await house.guard.tend()
    assert await house.failing() == ["thawed"]
    house.ledger.move = move
    await house.round()
    await house.round()
    await open_for_business(house, 2)


async def test_a_look_while_calls_are_answered_takes_no_answer_for_a_loss(ready: RedisLedger, store: Store) -> None:
    house = Gatehouse(store)
    await house.round()

    async def look() -> None:
        for _ in range(40):
            await house.fence.look(house.watch)

    await asyncio.gather(look(), look(), sell(house, *range(40)), sell(house, *range(100, 140)))
    assert await epoch_of(store) == "e1"


async def test_a_store_whose_epoch_never_stands_still(ready: RedisLedger, store: Store) -> None:
    house, count = Gatehouse(store), 0
    await house.round()

    class Restless(RedisWatch):
        async def look(self, memory: Memory) -> Sighting | None:
            nonlocal count
            seen = await super().look(memory)
            assert seen is not None
            house.ledger.memory.take_up(f"e1.{count + 2}", 0)
            count += 1
            return seen

    with pytest.raises(StoreUnavailable, match="changes faster"):
        await house.fence.look(Restless(store.run))
    assert count == 5


# Across processes.


async def test_the_next_process_knows_what_this_one_knew(ready: RedisLedger, store: Store) -> None:
    first = Gatehouse(store)
    await first.round()
    copy = await Copy.of(store)
    await sell(first, 1, 2)
    await first.fence.keep()
    await copy.restore()
    kept = first.keepsake.kept
    assert kept is not None

    await store.command("DEL", keys.GATEWAYS)
    second = Gatehouse(store, "second", memory=kept.memory, spool=first.spool)
    assert await second.failing() == ["thawed"]
    await second.round()
    await second.round()
    assert await posted(store) == 2 * COST
    await open_for_business(second, 3)


async def test_a_crash_before_the_replay_forgets_none_of_it(ready: RedisLedger, store: Store) -> None:
    first = Gatehouse(store)
    await first.round()
    copy = await Copy.of(store)
    await sell(first, 1)
    await first.fence.keep()
    await copy.restore()
    await first.guard.tend()
    # It went on in the new epoch, and died before it could replay: on disk is still what it knew before.
    assert first.ledger.memory.epoch == "e1.2"
    kept = first.keepsake.kept
    assert kept is not None
    assert kept.memory.epoch == "e1"
    # Another one, to whom the dead one is dead, opens admission again.
    other = Gatehouse(store, "other", epoch="e1.2")
    await store.command("DEL", keys.GATEWAYS)
    await other.round()
    await other.round()
    assert other.guard.closed is None
    assert await posted(store) == 0

    second = Gatehouse(store, "second", memory=kept.memory, spool=first.spool)
    assert await second.failing() == ["thawed"]
    for _ in range(3):
        await second.round()
        await other.round()
    assert await posted(store) == COST


async def test_a_restart_after_a_repair_suspects_nothing(ready: RedisLedger, store: Store) -> None:
    first = Gatehouse(store)
    await first.round()
    copy = await Copy.of(store)
    await sell(first, 1)
    await copy.restore()
    for _ in range(3):
        await first.round()
    kept = first.keepsake.kept
    assert kept is not None
    second = Gatehouse(store, "second", memory=kept.memory, spool=first.spool)
    assert await second.failing() == []
    assert await epoch_of(store) == "e1.3"


async def test_a_disk_that_keeps_nothing_is_told_once_and_closes_nothing(
    ready: RedisLedger, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "tollhouse.fence")
    house = Gatehouse(store)
    house.keepsake.full = True
    for _ in range(3):
        await house.round()
    assert house.guard.closed is None
    assert caplog.messages == ["what we know of the store cannot be kept on disk: No space left on device"]
    house.keepsake.full = False
    await house.round()
    assert house.keepsake.kept is not None
