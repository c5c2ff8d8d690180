"""Three gateways, one store, a crowd: exactly what fits is accepted, wherever it was asked for."""

import asyncio
from collections import Counter

import pytest

from tests.rigs.books import overspent
from tests.rigs.child import until_so
from tests.rigs.crowd import COST, Attempt
from tests.rigs.fleet import Fleet, open_fleet
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, organization, quota, rate, team

pytestmark = pytest.mark.xdist_group("fleet")

# What a gateway says when the machine is too busy for it. A client tries again.
BUSY = {"STORE_UNAVAILABLE", "OVERLOADED"}


def usd(micros: int) -> str:
    return f"{micros // 1_000_000}.{micros % 1_000_000:06}"


async def rush(fleet: Fleet, keys: list[Key], clients: int, rounds: int) -> None:
    """So many clients at once, each asking so many times, each time at another gateway."""

    async def client(number: int) -> None:
        for turn in range(rounds):
            await ask(fleet, keys[number % len(keys)], number + turn)

    await asyncio.gather(*(client(number) for number in range(clients)))
    if not BUSY.isdisjoint(fleet.crowd.told()):
        # Money that was held for one of those has refused others. It came back, and is asked for again.
        await until_so(lambda: nothing_held(fleet))
        while (await ask(fleet, keys[0], 0)).accepted:
            pass


async def ask(fleet: Fleet, key: Key, number: int) -> Attempt:
    """One submit at one of the gateways, until it is decided."""
    while True:
        gateway = fleet.gateways[number % len(fleet.gateways)]
        attempt = await fleet.crowd.submit(gateway, key, sandbox={"latency_ms": 300})
        if attempt.told not in BUSY:
            return attempt


async def nothing_held(fleet: Fleet) -> bool:
    return all(held == 0 for _, held in (await fleet.books()).balances.values())


async def exactly(accepted: int, ceiling: int, clients: int, rounds: int) -> None:
    """A budget of `ceiling` micro-USD lets exactly `accepted` jobs of $0.70 through; no other limit decides.

    That is more than two gateways are asked for, so that each of the three must accept some.
    """
    assert accepted > clients * rounds * 2 // 3
    ample = {"organization-month": 10**12, "jobs": 10**6, "of-a-key": 10**11}
    whole = organization(budget(usd(ample["organization-month"]), "organization-month"))
    video = team(
        budget(usd(ceiling)),
        budget(usd(ample["of-a-key"]), "of-a-key", per="key"),
        quota("jobs", ample["jobs"]),
        rate(1_000_000, "second", per="key", burst=1_000_000),
    )
    async with open_fleet(whole, video) as fleet:
        keys = [await fleet.key() for _ in range(3)]

        await rush(fleet, keys, clients, rounds)

        told = fleet.crowd.told()
        assert told.pop("accepted") == accepted
        assert set(told) <= {"BUDGET_HELD", "BUDGET_EXCEEDED", *BUSY}
        assert len({attempt.job for attempt in fleet.crowd.accepted}) == accepted
        assert set(Counter(attempt.gateway for attempt in fleet.crowd.accepted)) == {"g0", "g1", "g2"}

        diary = await fleet.provider.diary()
        assert (diary.jobs, diary.spent) == (accepted, accepted * COST)
        assert len(diary.by_request) == accepted
        # They were under way at the same time: the budget is not kept by letting one after the other through.
        assert diary.peak >= 50

        books = await fleet.in_order()
        assert overspent(books, {**ample, "budget": ceiling}) == []
        assert books.states["captured"] == accepted
        for limit in ("budget", "organization-month", "of-a-key"):
            assert books.total(limit) == (accepted * COST, 0)
        assert books.total("jobs") == (accepted, 0)


async def test_a_small_crowd_spends_exactly_the_budget() -> None:
    await exactly(accepted=110, ceiling=110 * COST, clients=150, rounds=1)


async def test_a_small_crowd_and_a_budget_that_lacks_one_micro_usd() -> None:
    await exactly(accepted=109, ceiling=110 * COST - 1, clients=150, rounds=1)


@pytest.mark.long
async def test_a_thousand_clients_spend_exactly_the_budget() -> None:
    await exactly(accepted=1400, ceiling=1400 * COST, clients=1000, rounds=2)


@pytest.mark.long
async def test_a_thousand_clients_and_a_budget_that_lacks_one_micro_usd() -> None:
    await exactly(accepted=1399, ceiling=1400 * COST - 1, clients=1000, rounds=2)
