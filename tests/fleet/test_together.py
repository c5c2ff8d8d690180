"""Several gateways are one: what is decided through one of them binds all of them, at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.rigs.child import until_so
from tests.rigs.crowd import COST, ask
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.gateways import GatewayProcess, wrong_by
from tests.walkthrough.house import Key
from tests.walkthrough.policies import budget, team, whole

pytestmark = pytest.mark.xdist_group("fleet")

AMPLE = team(budget("1000.00"))


async def test_a_revoked_key_is_refused_everywhere_from_the_next_request_on() -> None:
    async with open_fleet(AMPLE) as fleet:
        key, other = await fleet.key(), await fleet.key()
        for gateway in fleet.gateways:
            # Every gateway has met the key, and could remember it.
            assert (await fleet.crowd.submit(gateway, key)).accepted
        async with submitting(fleet, key):
            before = len(fleet.crowd.attempts)
            await fleet.gateways[0].control("POST", f"/admin/v1/keys/{key.id}/revoke")
            revoked = len(fleet.crowd.attempts)
            for gateway in fleet.gateways:
                assert (await fleet.crowd.submit(gateway, key)).told == "API_KEY_INACTIVE"
                assert (await ask(fleet.session, gateway, key, "/tollhouse/v1/me"))[0] == 401

        assert revoked >= before
        late = fleet.crowd.attempts[revoked:]
        assert {attempt.told for attempt in late} == {"API_KEY_INACTIVE"}
        diary = await fleet.provider.diary()
        assert not {attempt.request for attempt in late} & set(diary.by_request)
        for gateway in fleet.gateways:
            assert (await fleet.crowd.submit(gateway, other)).accepted
        await fleet.in_order()


@asynccontextmanager
async def submitting(fleet: Fleet, key: Key) -> AsyncIterator[None]:
    """Meanwhile clients submit at every gateway, as fast as they are answered."""
    over = asyncio.Event()

    async def client(gateway: GatewayProcess) -> None:
        while not over.is_set():
            await fleet.crowd.submit(gateway, key)

    async with asyncio.TaskGroup() as clients:
        for gateway in fleet.gateways * 4:
            clients.create_task(client(gateway))
        try:
            yield
        finally:
            over.set()


async def test_a_rotated_key_opens_everywhere_at_once_and_its_old_secret_nowhere() -> None:
    async with open_fleet(AMPLE) as fleet:
        key = await fleet.key()
        for number, gateway in enumerate(fleet.gateways):
            for each in fleet.gateways:
                assert (await fleet.crowd.submit(each, key)).accepted
            # The last one leaves the old secret an hour, and it still opens every gateway.
            grace = 3600 if number == 2 else 0
            told = await gateway.control("POST", f"/admin/v1/keys/{key.id}/rotate", {"grace_seconds": grace})
            old, key = key, Key(key.id, told["key"])
            expected = "accepted" if grace else "API_KEY_EXPIRED"
            assert [(await fleet.crowd.submit(each, old)).told for each in fleet.gateways] == [expected] * 3
            assert [(await fleet.crowd.submit(each, key)).told for each in fleet.gateways] == ["accepted"] * 3
        jobs = len(fleet.crowd.accepted)
        assert (await fleet.in_order()).total("budget") == (jobs * COST, 0)
        assert (await fleet.provider.diary()).jobs == jobs


async def test_a_policy_counts_everywhere_from_the_next_submit_on() -> None:
    """A hold that was decided by the old policy is refused by the store, and decided again."""
    async with open_fleet(AMPLE) as fleet:
        key = await fleet.key()
        for gateway in fleet.gateways:
            assert (await fleet.crowd.submit(gateway, key)).accepted

        for gateway, spent in zip(fleet.gateways, (3, 4, 5), strict=True):
            await apply(gateway, spent * COST)
            told = [(await fleet.crowd.submit(each, key)).told for each in fleet.gateways]
            assert told == ["BUDGET_EXCEEDED"] * 3
            await apply(gateway, (spent + 1) * COST)
            others = [each for each in fleet.gateways if each is not gateway]
            told = [(await fleet.crowd.submit(each, key)).told for each in (*others, gateway)]
            assert told == ["accepted", "BUDGET_EXCEEDED", "BUDGET_EXCEEDED"]

        assert (await fleet.in_order()).total("budget") == (6 * COST, 0)
        assert (await fleet.provider.diary()).jobs == 6


async def test_a_policy_is_taken_up_by_all_without_anybody_asking() -> None:
    async with open_fleet(AMPLE) as fleet:
        key = await fleet.key()
        await apply(fleet.gateways[0], 7_000_000)

        for gateway in fleet.gateways:
            await until_so(lambda gateway=gateway: has_ceiling(fleet, gateway, key, "7.000000"))


async def has_ceiling(fleet: Fleet, gateway: GatewayProcess, key: Key, ceiling: str) -> bool:
    status, me = await ask(fleet.session, gateway, key, "/tollhouse/v1/me")
    assert status == 200, me
    return {row["name"]: row["ceiling"] for row in me["limits"]}["budget"] == ceiling


async def apply(gateway: GatewayProcess, micros: int) -> None:
    """Give the team a budget of so many micro-USD."""
    rules = team(budget(f"{micros // 1_000_000}.{micros % 1_000_000:06}"))
    await gateway.control("POST", "/admin/v1/policies/apply", {"files": whole(rules)})


@pytest.mark.parametrize("seconds", [10, -10])
async def test_a_gateway_with_a_wrong_clock_sells_nothing(seconds: int) -> None:
    async with open_fleet(AMPLE, gateways=2) as fleet:
        right, wrong = fleet.gateways
        key = await fleet.key()
        wrong.kill()
        await wrong.start(wrong_by(seconds))

        assert not await wrong.ready()
        assert (await fleet.crowd.submit(wrong, key)).told == "STORE_UNAVAILABLE"
        assert (await fleet.crowd.submit(right, key)).accepted

        assert (await fleet.provider.diary()).jobs == 1
        await until_so(lambda: only_captured(fleet, 1))
        await fleet.in_order()


async def only_captured(fleet: Fleet, jobs: int) -> bool:
    states = (await fleet.books()).states
    return states["held"] == 0 and states["captured"] == jobs
