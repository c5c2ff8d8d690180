"""Where the store cannot do what is asked: then it does nothing of it, and money can still go home."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store, connect
from gateway.core.account import AccountScope, RateDemand
from gateway.core.admission import Admission, Created
from gateway.core.ledger import Outcome, State, Verb
from gateway.ports import StoreUnavailable
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand, open_ledger
from tests.adapters.redis.snapshot import snapshot
from tests.store import running_store

NOW = datetime.now(UTC)
RATE = RateDemand("submits", AccountScope.TEAM, "red", 60_000_000, 10)
PRICE = 700_000


def one_job(hold_id: str = "h1") -> Admission:
    return admission(hold_id, demand(TEAM, PRICE, 10_000_000), demand(RUNNING, 1, 20), rates=(RATE,), created_at=NOW)


@pytest.fixture
async def own_store() -> AsyncIterator[Store]:
    """A store that may be spoilt."""
    with running_store() as url:
        connection = connect(url)
        yield connection
        await connection.close()


# The keys a script reads, and so may find to be of another type than it left them.
READ_BY_HOLD = [
    *(keys.STORE, keys.POLICY, keys.key("k1"), keys.hold("h1"), keys.OPEN[State.HELD], keys.ENTRIES),
    *(keys.account_of(TEAM), keys.account_of(RUNNING), keys.rate(RATE)),
]
READ_BY_CAPTURE = [
    *(keys.STORE, keys.hold("h1"), keys.job("j1"), keys.ENTRIES, keys.OPEN[State.HELD], keys.OPEN[State.CAPTURED]),
    *(keys.account_of(TEAM), keys.account_of(RUNNING)),
]


async def spoil(store: Store, key: str) -> None:
    await store.command("DEL", key)
    await store.command("SADD", key, "not what it was")


@pytest.mark.parametrize("key", READ_BY_HOLD)
async def test_a_spoilt_key_leaves_no_half_of_a_hold(own_store: Store, key: str) -> None:
    ledger = await open_ledger(own_store)
    await ledger.admit(one_job("h0"), NOW)
    await spoil(own_store, key)
    before = await dump(own_store)

    with pytest.raises(StoreUnavailable):
        await ledger.admit(one_job(), NOW)

    assert await dump(own_store) == before


@pytest.mark.parametrize("key", READ_BY_CAPTURE)
async def test_a_spoilt_key_leaves_no_half_of_a_capture(own_store: Store, key: str) -> None:
    ledger = await open_ledger(own_store)
    await ledger.admit(one_job(), NOW)
    await spoil(own_store, key)
    before = await dump(own_store)

    with pytest.raises(StoreUnavailable):
        await ledger.move(Verb.CAPTURE, one_job().hold, NOW, job="j1", cost=PRICE)

    assert await dump(own_store) == before


async def dump(store: Store) -> dict[bytes, bytes]:
    """The whole store, whatever the types."""
    return {key: await store.command("DUMP", key) for key in await store.command("KEYS", "*")}


@pytest.mark.parametrize("enforced", [True, False])
async def test_a_balance_that_is_no_number_leaves_no_half_of_a_hold(own_store: Store, enforced: bool) -> None:
    ledger = await open_ledger(own_store)
    await own_store.command("HSET", keys.account_of(RUNNING), "held", "many")
    before = await dump(own_store)

    with pytest.raises(StoreUnavailable):
        await ledger.admit(admission("h1", demand(TEAM, 1, 5), demand(RUNNING, 1, 5, enforced=enforced)), NOW)

    assert await dump(own_store) == before


async def test_a_full_store_admits_nothing_and_lets_money_go_home(own_store: Store) -> None:
    ledger = await open_ledger(own_store)
    held = {verb: one_job(f"h-{verb}") for verb in Verb}
    for asked in held.values():
        assert isinstance(await ledger.admit(asked, NOW), Created)
    for verb in (Verb.FINISH, Verb.REFUND, Verb.ADJUST, Verb.LOSE, Verb.REBIND):
        await ledger.move(Verb.CAPTURE, held[verb].hold, NOW, job=f"job of {verb}", cost=PRICE)
    await ledger.move(Verb.REFUND, held[Verb.ADJUST].hold, NOW, cost=PRICE)
    await own_store.command("CONFIG", "SET", "maxmemory", "1")
    before = await snapshot(own_store)

    with pytest.raises(StoreUnavailable, match=r"^OOM "):
        await ledger.admit(one_job("late"), NOW)
    assert await snapshot(own_store) == before

    # Not even a store that forgot its scripts as well keeps money from going home.
    await own_store.command("SCRIPT", "FLUSH")
    jobs = {Verb.CAPTURE: "j1", Verb.REBIND: "j2"}
    outcomes = [
        (await ledger.move(verb, asked.hold, NOW, job=jobs.get(verb, ""), cost=PRICE, facts={"was_job": "j0"})).outcome
        for verb, asked in held.items()
    ]
    assert outcomes == [
        *(Outcome.CAPTURED, Outcome.VOIDED, Outcome.DOUBTED),
        *(Outcome.FINISHED, Outcome.REFUNDED, Outcome.ADJUSTED),
        *(Outcome.LOST, Outcome.REBOUND),
    ]
    await own_store.command("CONFIG", "SET", "maxmemory", "0")
    assert isinstance(await ledger.admit(one_job("late"), NOW), Created)
