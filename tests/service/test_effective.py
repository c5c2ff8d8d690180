"""What a team is held to: its own rules and the organization's, each with its place and what stands on it."""

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.core.account import Balance
from gateway.core.policy import TeamUnknown
from gateway.service.effective import Effective, InForce, Source
from gateway.service.submit import Asked
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import Told, Workshop, accepted, workshop
from tests.walkthrough.policies import allow, budget, organization, rate, team

OVERRIDES = """
[[override]]
limit = "other"
ceiling = "2.00"
from = 2020-01-01T00:00:00Z
until = 2020-02-01T00:00:00Z
reason = "long ago"
approved_by = "cfo"

[[override]]
limit = "budget"
ceiling = "9.00"
from = 2020-01-01T00:00:00Z
until = 9000-01-01T00:00:00Z
reason = "launch"
approved_by = "cfo"
"""
OURS, THEIRS = "organization.toml", "teams/video.toml"


async def effective(room: Workshop, slug: str = "video") -> InForce:
    shown = await Effective(room.desk, room.ledger, RedisKeyIndex(room.store), room.clock).show(slug)
    assert isinstance(shown, InForce)
    return shown


async def test_every_rule_with_where_it_stands_and_what_stands_on_it(store: Store) -> None:
    files = team(
        budget("5.00"), budget("4.00", "other"), budget("3.00", "each", per="key"), rate(5, "minute"), OVERRIDES
    )
    room = await workshop(store, organization(budget("100.00", "all"), rate(50, "minute")), files)
    quiet, busy = await room.principal(), await room.principal()
    for number, principal in enumerate((quiet, busy, busy)):
        await submitting(room, Told(accepted(f"job_{number}")))(Asked(principal, BODY, "req_1", None, {}))

    shown = await effective(room)

    rows = [(one.limit.name, one.source, one.demand.ceiling, one.balance, one.key) for one in shown.limits]
    assert rows == [
        ("all", Source(OURS, "limit[0]"), 100_000_000, Balance(1_050_000, 0), None),
        ("budget", Source(THEIRS, "limit[0]"), 9_000_000, Balance(1_050_000, 0), None),
        ("other", Source(THEIRS, "limit[1]"), 4_000_000, Balance(1_050_000, 0), None),
        ("each", Source(THEIRS, "limit[2]"), 3_000_000, Balance(700_000, 0), busy.key.id),
    ]
    assert [one.override_source for one in shown.limits] == [None, Source(THEIRS, "override[1]"), None, None]
    assert [source for _, source in shown.rates] == [Source(OURS, "rate[0]"), Source(THEIRS, "rate[0]")]


async def test_models_are_inherited_unless_the_team_says_otherwise(store: Store) -> None:
    own = team(budget("5.00"), allow(models=["kling/*"]), slug="audio")
    room = await workshop(store, team(budget("5.00")), own)
    shown = await effective(room)
    assert (shown.models, shown.models_source) == (("*",), Source(OURS, "defaults.models"))
    shown = await effective(room, "audio")
    assert (shown.models, shown.models_source) == (("kling/*",), Source("teams/audio.toml", "allow.models"))


async def test_a_limit_per_key_of_a_team_without_keys_stands_at_zero(store: Store) -> None:
    room = await workshop(store, team(budget("5.00", per="key")))
    (_, one) = (await effective(room)).limits
    assert (one.balance, one.key) == (Balance(0, 0), None)


async def test_a_team_without_a_file_is_unknown(store: Store) -> None:
    room = await workshop(store, team(budget("5.00")))
    shown = await Effective(room.desk, room.ledger, RedisKeyIndex(room.store), room.clock).show("audio")
    assert shown == TeamUnknown("audio")
