"""The figures for Prometheus, read from a real store."""

from datetime import timedelta

from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.vitals import RedisVitals
from gateway.core.figures import LimitGauge
from gateway.core.reply import Unknown
from gateway.service.gauges import Gauges
from gateway.service.policy_desk import PolicyDesk
from gateway.service.submit import Asked
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import Told, Workshop, accepted, workshop
from tests.walkthrough.policies import budget, in_flight, organization, quota, team


def gauges(room: Workshop, desk: PolicyDesk | None = None) -> Gauges:
    return Gauges(
        desk or room.desk,
        room.ledger,
        RedisKeyIndex(room.store),
        RedisVitals(room.store),
        RedisClosedPrices(room.store),
        room.clock,
    )


def edges(room: Workshop) -> tuple[tuple[float, float], tuple[float, float]]:
    """When this month and this day began and end, in seconds since 1970."""
    day = room.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    return (month.timestamp(), following.timestamp()), (day.timestamp(), (day + timedelta(days=1)).timestamp())


async def test_every_limit_as_it_stands_in_usd_or_counts(store: Store) -> None:
    rules = team(budget("5.00"), quota("jobs", 10), in_flight(3))
    room = await workshop(store, organization(budget("100.00", "month")), rules, team(slug="idle"))
    principal = await room.principal()
    for told in (accepted("job_1"), accepted("job_2"), Unknown("TimeoutError")):
        await submitting(room, Told(told))(Asked(principal, BODY, "req_1", None, {}))

    figures = await gauges(room).read()

    month, day = edges(room)
    assert figures.limits == (
        LimitGauge("organization", "acme", "month", "usd", 100.0, 0.7, 0.35, *month),
        LimitGauge("team", "video", "budget", "usd", 5.0, 0.7, 0.35, *month),
        LimitGauge("team", "video", "jobs", "jobs", 10.0, 2.0, 1.0, *day),
        LimitGauge("team", "video", "at-once", "in_flight", 3.0, 0.0, 3.0),
    )
    assert figures.holds == {"held": 0, "in_doubt": 1, "captured": 2, "lost": 0}
    assert figures.oldest_due_seconds >= 0
    assert abs(figures.clock_skew_seconds) < 1
    assert room.desk.current is not None
    assert figures.policy == room.desk.current.version


async def test_a_limit_per_key_is_shown_once_a_team_as_its_fullest_key(store: Store) -> None:
    room = await workshop(store, team(budget("5.00", "of-a-key", per="key")), team(slug="audio"))
    busy, busier = await room.principal(), await room.principal()
    playing = await room.principal(test=True)
    for number, principal in enumerate((busy, busier, busier, playing, playing, playing)):
        upstream = Told(accepted(f"job_{number}"))
        await submitting(room, upstream, sandbox=upstream)(Asked(principal, BODY, "req_1", None, {}))

    rows = [row for row in (await gauges(room).read()).limits if row.limit == "of-a-key"]

    assert rows == [LimitGauge("key", "video", "of-a-key", "usd", 5.0, 0.7, 0.0, *edges(room)[0])]


async def test_before_the_first_policies_there_are_only_the_vitals(store: Store) -> None:
    room = await workshop(store, team())
    blind = PolicyDesk(room.desk._policies, lambda _files: (), "acme")
    figures = await gauges(room, blind).read()
    assert (figures.limits, figures.policy) == ((), "")
    assert figures.holds == {"held": 0, "in_doubt": 0, "captured": 0, "lost": 0}


async def test_keys_that_are_about_to_expire_are_counted_by_team(store: Store) -> None:
    room = await workshop(store, team(budget("5.00")), team(slug="audio"))
    now = room.clock.now()
    for slug, days in (("video", 1), ("video", 13), ("video", 15), ("audio", 200)):
        await room.principal(slug, expires_at=now + timedelta(days=days))
    ended = await room.principal("video", expires_at=now + timedelta(days=2))
    await room.keyring.revoke(ended.key.id)

    assert (await gauges(room).read()).keys_expiring == {"video": 2}
    assert (await RedisVitals(store).read(now)).keys_expiring == 2
