"""Looking at a store's history, freezing it, thawing it: what each script sees and leaves behind."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.watch import RedisWatch, straight
from gateway.core.acceptance import Witness
from gateway.core.admission import Closed
from gateway.core.history import Memory, Peer, Sighting
from gateway.core.ledger import Entry, Verb
from gateway.ports import StoreUnavailable
from tests.adapters.redis.holds import HALF_A_DAY, TEAM, admission, demand, open_ledger
from tests.adapters.redis.snapshot import snapshot
from tests.store import running_store

NOW = datetime.now(UTC)
EPOCH = "e1"


@pytest.fixture
def watch(store: Store) -> RedisWatch:
    return RedisWatch(store.run, timedelta(), timedelta(minutes=5))


async def look(watch: RedisWatch, memory: Memory | None = None) -> Sighting:
    seen = await watch.look(memory or Memory(EPOCH))
    assert seen is not None
    return seen


async def hold(ledger: RedisLedger, *ids: str) -> None:
    for hold_id in ids:
        await ledger.admit(admission(hold_id, demand(TEAM, 1, 1_000), created_at=NOW), NOW)


def known(sequence: int, entry: str = "h1", epoch: str = EPOCH) -> Memory:
    return Memory(epoch, sequence, Witness(epoch, sequence, entry), sequence)


# Looking.


async def test_a_store_without_an_epoch_is_left_as_it_is(store: Store, watch: RedisWatch) -> None:
    assert await watch.look(Memory(EPOCH)) is None
    await watch.beat(EPOCH, "boot", 5, "")
    assert await watch.freeze(EPOCH, "e1.2", 1, 5) is False
    assert await watch.thaw(EPOCH, "e1.2", NOW) is None
    assert await store.command("DBSIZE") == 0


async def test_what_is_seen(ledger: RedisLedger, watch: RedisWatch) -> None:
    await hold(ledger, "h1", "h2", "h3")
    seen = await look(watch, known(2, "h2"))
    assert (seen.epoch, seen.organization, seen.sequence, seen.first) == (EPOCH, "acme", 3, 1)
    assert seen.entry == Witness(EPOCH, 2, "h2")
    assert (seen.freeze, seen.peers) == (None, ())
    assert abs(seen.at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_remembered_entry_that_is_not_there(ledger: RedisLedger, watch: RedisWatch) -> None:
    await hold(ledger, "h1")
    assert (await look(watch, known(7))).entry is None
    assert (await look(watch)).entry is None


async def test_what_was_trimmed(store: Store, ledger: RedisLedger, watch: RedisWatch) -> None:
    assert (await look(watch)).first == 1
    await hold(ledger, "h1", "h2", "h3")
    await store.command("XTRIM", keys.ENTRIES, "MINID", "3-0")
    assert (await look(watch, known(2))).first == 3
    await store.command("XTRIM", keys.ENTRIES, "MAXLEN", "0")
    assert (await look(watch, known(2))).first == 4


async def test_looking_writes_nothing_so_that_a_replica_can_be_looked_at() -> None:
    with running_store() as url:
        own = connect(url)
        try:
            ledger, watch = await open_ledger(own), RedisWatch(own.run)
            await hold(ledger, "h1")
            await own.command("REPLICAOF", "127.0.0.1", 1)
            before = await snapshot(own)
            assert (await look(watch, known(1))).entry == Witness(EPOCH, 1, "h1")
            assert await snapshot(own) == before
            with pytest.raises(StoreUnavailable, match="READONLY"):
                await watch.beat(EPOCH, "one", 1, "")
        finally:
            await own.close()


async def test_a_look_straight_on_one_connection(store: Store, ledger: RedisLedger) -> None:
    await hold(ledger, "h1")
    seen = await look(RedisWatch(straight(store.client.execute_command)), known(1))
    assert seen.entry == Witness(EPOCH, 1, "h1")


# Living.


async def test_who_lives_says_so_and_the_long_dead_are_forgotten(
    store: Store, ledger: RedisLedger, watch: RedisWatch
) -> None:
    week_ago = int((datetime.now(UTC) - timedelta(days=7)).timestamp() * 1e6)
    hours_ago = int((datetime.now(UTC) - timedelta(hours=2)).timestamp() * 1e6)
    await store.command("HSET", keys.GATEWAYS, "ancient", f"{week_ago} 9 ", "old", f"{hours_ago} 8 e1.4")
    await watch.beat(EPOCH, "one", 5, "")
    await watch.beat(EPOCH, "two", 7, "e1.2")
    await watch.beat("e9", "stranger", 7, "")

    peers = {peer.boot: peer for peer in (await look(watch)).peers}

    assert peers.keys() == {"old", "one", "two"}
    assert peers["one"] == Peer("one", peers["one"].silent, 5, "")
    assert (peers["two"].seen, peers["two"].replayed) == (7, "e1.2")
    assert timedelta() <= peers["two"].silent < timedelta(minutes=1)
    assert timedelta(hours=1) < peers["old"].silent < timedelta(hours=3)


# Freezing.


async def test_a_freeze_closes_admission_in_a_new_epoch(ledger: RedisLedger, watch: RedisWatch) -> None:
    await hold(ledger, "h1")
    assert await watch.freeze(EPOCH, "e1.2", 2, 9)
    seen = await look(watch)
    assert seen.epoch == "e1.2"
    assert seen.freeze is not None
    assert (seen.freeze.reason, seen.freeze.lost_from, seen.freeze.lost_to) == ("history lost", 2, 9)
    assert timedelta() <= seen.freeze.since < timedelta(minutes=1)
    ledger.memory.take_up("e1.2", 1)
    asked = admission("h2", demand(TEAM, 1, 1_000), created_at=NOW)
    assert await ledger.admit(asked, NOW) == Closed("frozen")


async def test_of_several_who_find_it_one_freezes(store: Store, ledger: RedisLedger) -> None:
    watches = [RedisWatch(store.run) for _ in range(5)]
    frozen = await asyncio.gather(*(one.freeze(EPOCH, "e1.2", 5, 9) for one in watches))
    assert sorted(frozen) == [False] * 4 + [True]


async def test_whoever_joins_a_freeze_adds_what_it_lost_and_begins_none(
    store: Store, ledger: RedisLedger, watch: RedisWatch
) -> None:
    await watch.freeze(EPOCH, "e1.2", 5, 9)
    at = await store.command("HGET", keys.STORE, "frozen_at")
    assert await watch.freeze("e1.2", "e1.2", 7, 12)
    assert await watch.freeze("e1.2", "e1.2", 3, 8)
    seen = await look(watch)
    assert seen.freeze is not None
    assert (seen.epoch, seen.freeze.lost_from, seen.freeze.lost_to) == ("e1.2", 3, 12)
    assert await store.command("HGET", keys.STORE, "frozen_at") == at


async def test_a_freeze_by_hand_is_one_without_figures(store: Store, ledger: RedisLedger, watch: RedisWatch) -> None:
    await hold(ledger, "h1")
    await store.command("HSET", keys.STORE, "frozen", "by hand")
    freeze = (await look(watch)).freeze
    assert freeze is not None
    assert (freeze.reason, freeze.lost_from, freeze.lost_to) == ("by hand", 2, 1)
    assert await watch.thaw(EPOCH, "e1.2", NOW) == 2


# Thawing.


async def frozen(ledger: RedisLedger, watch: RedisWatch, lost_to: int = 9) -> None:
    """Two entries, and then it is found that more are gone."""
    await hold(ledger, "h1", "h2")
    assert await watch.freeze(EPOCH, "e1.2", 3, lost_to)
    ledger.memory.take_up("e1.2", 2)


async def test_it_goes_on_above_what_was_lost_and_says_so(store: Store, ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch)
    assert await watch.thaw("e1.2", "e1.3", NOW) == 10
    seen = await look(watch)
    assert (seen.epoch, seen.sequence, seen.freeze) == ("e1.3", 10, None)
    [resume] = await ledger.entries(after=2)
    assert resume == Entry(10, "resume", "", NOW, (), {"lost_from": "3", "lost_to": "9"})
    assert (await snapshot(store)).store.keys() == {"epoch", "organization", "seq", "room_to"}
    ledger.memory.take_up("e1.3", 10)
    await hold(ledger, "h3")
    assert ledger.memory.witness == Witness("e1.3", 11, "h3")


async def test_it_goes_on_above_what_was_written_while_it_was_frozen(ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch, lost_to=3)
    held = admission("h1", demand(TEAM, 1, 1_000), created_at=NOW).hold
    for verb in (Verb.CAPTURE, Verb.REFUND):
        await ledger.move(verb, held, NOW, job="j1" if verb is Verb.CAPTURE else "", cost=1)
    assert await watch.thaw("e1.2", "e1.3", NOW) == 5


async def test_it_goes_on_above_what_any_gateway_saw(ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch)
    await watch.beat("e1.2", "one", 77, "e1.2")
    assert await watch.thaw("e1.2", "e1.3", NOW) == 78


async def test_it_waits_for_everybody_who_lives(ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch)
    await watch.beat("e1.2", "one", 2, "e1.2")
    await watch.beat("e1.2", "two", 2, "")
    await watch.beat("e1.2", "three", 2, "e1")
    assert await watch.thaw("e1.2", "e1.3", NOW) is None
    await watch.beat("e1.2", "two", 2, "e1.2")
    assert await watch.thaw("e1.2", "e1.3", NOW) is None
    await watch.beat("e1.2", "three", 2, "e1.2")
    assert await watch.thaw("e1.2", "e1.3", NOW) is not None


async def test_the_dead_are_not_waited_for(store: Store, ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch)
    await watch.beat("e1.2", "one", 2, "e1.2")
    await watch.beat("e1.2", "two", 2, "")
    beat, rest = (await store.command("HGET", keys.GATEWAYS, "two")).split(b" ", 1)
    silent = int(beat) - 6 * 60 * 1_000_000
    await store.command("HSET", keys.GATEWAYS, "two", f"{silent} {rest.decode()}")
    assert await watch.thaw("e1.2", "e1.3", NOW) is not None


async def test_it_does_not_hurry(store: Store, ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch)
    patient = RedisWatch(store.run, patience=timedelta(hours=1))
    assert await patient.thaw("e1.2", "e1.3", NOW) is None
    assert await watch.thaw("e1.2", "e1.3", NOW) is not None


async def test_it_thaws_once_and_only_the_freeze_that_is_meant(ledger: RedisLedger, watch: RedisWatch) -> None:
    await frozen(ledger, watch)
    assert await watch.thaw(EPOCH, "e1.2", NOW) is None
    assert await watch.thaw("e1.9", "e1.10", NOW) is None
    thawed = await asyncio.gather(*(watch.thaw("e1.2", "e1.3", NOW) for _ in range(5)))
    assert [sequence for sequence in thawed if sequence is not None] == [10]


async def test_a_store_that_is_full_freezes_and_thaws_all_the_same() -> None:
    with running_store() as url:
        own = connect(url)
        try:
            ledger, watch = await open_ledger(own), RedisWatch(own.run, timedelta())
            await own.command("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(StoreUnavailable, match="OOM"):
                await hold(ledger, "h1")
            assert await watch.freeze(EPOCH, "e1.2", 1, 5)
            await watch.beat("e1.2", "one", 5, "e1.2")
            assert await watch.thaw("e1.2", "e1.3", NOW) == 6
        finally:
            await own.close()


async def test_epochs_are_counted_alike_by_all_who_begin_one(store: Store) -> None:
    """The scripts that freeze by themselves name the epoch that a gateway would name."""
    await initialise(store, Identity("3f9a.9", "acme"))
    await open_ledger(store)
    witness = RedisLedger(store, "3f9a.9", HALF_A_DAY)
    witness.memory.seen = 4
    await hold(witness, "h1")
    assert (await look(RedisWatch(store.run))).epoch == "3f9a.10"
