"""What is planned is what applying does: the changes, what must be named, and the money in the real store."""

import asyncio

from hypothesis import given, settings

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.account import Balance
from gateway.core.policy_change import Verb
from gateway.core.policy_version import version_of
from gateway.core.reply import Unknown
from gateway.service.policy_desk import Complaints, PolicyDesk, Published, RemovesTeams, ResetsLimits, Unchanged
from gateway.service.policy_plan import Planned, Planner
from gateway.service.submit import Asked
from tests.doubles import StillClock
from tests.policy_directories import directories
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import EPOCH, Told, Workshop, accepted, workshop
from tests.walkthrough.policies import budget, organization, quota, team, whole


def planner(room: Workshop) -> Planner:
    return Planner(room.desk, room.ledger, RedisKeyIndex(room.store), room.clock)


async def planned(room: Workshop, *files: dict[str, str]) -> Planned:
    told = await planner(room).plan(whole(*files))
    assert isinstance(told, Planned)
    return told


async def spend(room: Workshop, count: int = 1, **terms: object) -> None:
    principal = await room.principal(**terms)
    for number in range(count):
        told = accepted(f"job_{principal.key.id}_{number}")
        await submitting(room, Told(told))(Asked(principal, BODY, "req_1", None, {}))


async def test_what_stands_on_a_limit_that_starts_anew_is_left_behind(store: Store) -> None:
    room = await workshop(store, team(budget("5.00"), quota("jobs", 10)))
    await spend(room, 2)
    await submitting(room, Told(Unknown("TimeoutError")))(Asked(await room.principal(), BODY, "req_1", None, {}))

    plan = await planned(room, team(budget("5.00", "renamed"), quota("jobs", 10, window="month")))

    assert [(one.owner, one.limit.name, one.balance) for one in plan.resets] == [
        ("video", "budget", Balance(700_000, 350_000)),
        ("video", "jobs", Balance(2, 1)),
    ]
    verbs = {(one.place.name, one.verb) for one in plan.changes if one.place.name != "video"}
    assert verbs == {("budget", Verb.REMOVED), ("renamed", Verb.ADDED), ("jobs", Verb.STARTS_ANEW)}
    assert plan.keys == {"video": 2}
    assert plan.full == ()


async def test_a_limit_per_key_leaves_behind_what_all_keys_have_on_it(store: Store) -> None:
    room = await workshop(store, team(budget("5.00"), budget("2.00", "of-a-key", per="key")))
    await spend(room, 1)
    await spend(room, 2)
    plan = await planned(room, team(budget("5.00")))
    assert [(one.limit.name, one.balance) for one in plan.resets] == [("of-a-key", Balance(1_050_000, 0))]


async def test_whoever_would_be_over_at_once_is_named(store: Store) -> None:
    rules = team(budget("5.00"), budget("1.00", "of-a-key", per="key"))
    room = await workshop(store, organization(budget("9.00", "all")), rules, team(budget("1.00"), slug="audio"))
    await spend(room, 2)
    lower = team(budget("0.70"), budget("0.35", "of-a-key", per="key"))
    plan = await planned(room, organization(budget("0.71", "all")), lower, team(budget("0.99"), slug="audio"))
    assert [(one.owner, one.demand.account.limit, one.demand.ceiling, one.balance.posted) for one in plan.full] == [
        ("video", "budget", 700_000, 700_000),
        ("video", "of-a-key", 350_000, 700_000),
    ]
    assert plan.resets == ()
    assert plan.keys == {"audio": 0, "video": 1}


async def test_who_is_over_already_is_not_the_plans_doing(store: Store) -> None:
    room = await workshop(store, team(budget("0.70")))
    await spend(room, 2)
    assert (await planned(room, team(budget("0.70", alert_at=["50%"])))).full == ()


async def test_a_limit_of_an_earlier_name_finds_what_was_counted_on_it(store: Store) -> None:
    room = await workshop(store, team(budget("5.00")))
    await spend(room, 1)
    renamed = whole(team(budget("5.00", "other")))
    assert isinstance(await room.desk.publish(renamed, (), ("video/budget",)), Published)
    plan = await planned(room, team(budget("5.00")))
    assert [(one.demand.account.limit, one.balance.posted) for one in plan.found] == [("budget", 350_000)]


async def test_files_with_mistakes_are_no_plan(store: Store) -> None:
    room = await workshop(store, team(budget("5.00")))
    assert isinstance(await planner(room).plan({"organization.toml": "x"}), Complaints)


@given(directories(), directories())
@settings(max_examples=15)
def test_a_plan_names_what_applying_asks_for_and_then_there_is_nothing_left_to_do(
    store_url: str, one: dict[str, str], other: dict[str, str]
) -> None:
    asyncio.run(_planned_and_applied(store_url, one, other))


async def _planned_and_applied(store_url: str, one: dict[str, str], other: dict[str, str]) -> None:
    store = connect(store_url)
    try:
        await store.client.flushall()
        await initialise(store, Identity(EPOCH, "acme"))
        desk = PolicyDesk(RedisPolicies(store), load, "acme")
        plans = Planner(desk, RedisLedger(store, EPOCH), RedisKeyIndex(store), StillClock())
        first = await plans.plan(one)
        assert isinstance(first, Planned)
        assert (first.live, first.remove_teams, first.resets) == (None, (), ())
        assert await desk.publish(one, (), expect="none") == Published(first.version)
        await _applied_as_planned(desk, plans, other)
    finally:
        await store.close()


async def _applied_as_planned(desk: PolicyDesk, plans: Planner, other: dict[str, str]) -> None:
    plan = await plans.plan(other)
    assert isinstance(plan, Planned)
    resets = tuple(f"{one.owner}/{one.limit.name}" for one in plan.resets)
    if plan.remove_teams:
        assert await desk.publish(other, ()) == RemovesTeams(plan.remove_teams)
    if resets:
        assert await desk.publish(other, plan.remove_teams) == ResetsLimits(resets)
    applied = await desk.publish(other, plan.remove_teams, resets, expect=plan.live)
    assert applied == (Unchanged if plan.live == plan.version else Published)(version_of(other))
    again = await plans.plan(other)
    assert isinstance(again, Planned)
    assert (again.live, again.version, again.changes) == (plan.version, plan.version, ())
    assert (again.resets, again.remove_teams, again.full, again.found, again.keys) == ((), (), (), (), {})
