"""The control plane's routes for what was live when, and for what one team is held to now."""

from typing import Final

from gateway.core.money import format_usd
from gateway.core.policy import TeamUnknown
from gateway.core.role import Power
from gateway.service.effective import InForce, LimitInForce, Source
from gateway.web import admin_errors
from gateway.web.admin_documents import Instant, LimitStanding
from gateway.web.limit_rows import amount, instant
from gateway.web.operation import Answer, Call, Document, Nothing, Operation
from gateway.web.problem import GatewayError


class AppliedVersion(Document):
    """A version became live, in the place of another."""

    version: str
    replaced: str | None
    at: Instant
    author: str
    message: str
    live: bool


class PolicyHistory(Document):
    """The newest first. The version that is live says so once, where it last became so."""

    versions: tuple[AppliedVersion, ...]


class StoredPolicies(Document):
    """The files of a version, as they were applied."""

    version: str
    files: dict[str, str]


class Place(Document):
    """Where a rule stands."""

    file: str
    key: str


class OverrideInForce(Document):
    """What the ceiling comes from while it lasts."""

    ceiling: str | int
    until: Instant
    reason: str
    approved_by: str
    source: Place


class EffectiveLimit(LimitStanding):
    """A limit with where it stands and what it counts; and what its ceiling comes from, if that is an override."""

    models: tuple[str, ...]
    override: OverrideInForce | None
    source: Place


class EffectiveRate(Document):
    """At most `requests` in a `window` on average, `burst` at once."""

    name: str
    scope: str
    requests: int
    window: str
    burst: int
    source: Place


class EffectiveModels(Document):
    """The models that the team may run, by its own file or by the organization's defaults."""

    patterns: tuple[str, ...]
    source: Place


class EffectivePolicy(Document):
    """All that a team is held to. `input` names the only options of a field that it may send."""

    version: str
    team: str
    owner: str | None
    cost_center: str | None
    unlimited: bool
    models: EffectiveModels
    cost_per_job: str | None
    input: dict[str, tuple[str, ...]]
    unmetered: bool
    limits: tuple[EffectiveLimit, ...]
    rates: tuple[EffectiveRate, ...]


async def list_policy_versions(call: Call[Nothing, None]) -> Answer:
    live = await call.control.desk.live()
    lines: list[AppliedVersion] = []
    for line in await call.control.desk.history():
        said = line.signature
        is_live = live is not None and line.version == live.version and not any(one.live for one in lines)
        lines.append(
            AppliedVersion(
                version=line.version,
                replaced=line.replaced,
                at=instant(said.at),
                author=said.author,
                message=said.message,
                live=is_live,
            )
        )
    return Answer(PolicyHistory(versions=tuple(lines)))


async def show_policy_version(call: Call[Nothing, None]) -> Answer | GatewayError:
    stored = await call.control.desk.version(call.names["id"])
    if stored is None:
        return admin_errors.no_such_version(call.names["id"])
    return Answer(StoredPolicies(version=stored.version, files=dict(stored.files)))


async def show_effective_policy(call: Call[Nothing, None]) -> Answer | GatewayError:
    shown = await call.control.effective.show(call.names["team"])
    return admin_errors.team_unknown(shown.team) if isinstance(shown, TeamUnknown) else Answer(_effective(shown))


def _effective(shown: InForce) -> EffectivePolicy:
    team, allow = shown.team, shown.team.allow
    return EffectivePolicy(
        version=shown.version,
        team=team.slug,
        owner=team.owner,
        cost_center=team.cost_center,
        unlimited=team.unlimited,
        models=EffectiveModels(patterns=shown.models, source=_place(shown.models_source)),
        cost_per_job=None if allow.cost_per_job is None else format_usd(allow.cost_per_job),
        input=dict(allow.input),
        unmetered=allow.unmetered,
        limits=tuple(_limit(one) for one in shown.limits),
        rates=tuple(
            EffectiveRate(
                name=rate.name,
                scope=rate.scope,
                requests=rate.requests,
                window=rate.window,
                burst=rate.burst,
                source=_place(source),
            )
            for rate, source in shown.rates
        ),
    )


def _limit(one: LimitInForce) -> EffectiveLimit:
    more = {"models": one.limit.models, "override": _override(one), "source": _place(one.source)}
    return EffectiveLimit.of(one.demand, one.balance, one.key, **more)


def _override(one: LimitInForce) -> OverrideInForce | None:
    override, source = one.override, one.override_source
    if override is None or source is None:
        return None
    return OverrideInForce(
        ceiling=amount(one.limit.meter, override.ceiling),
        until=instant(override.ends_at),
        reason=override.reason,
        approved_by=override.approved_by,
        source=_place(source),
    )


def _place(source: Source) -> Place:
    return Place(file=source.file, key=source.key)


_VERSIONS: Final = "/admin/v1/policies/versions"

OPERATIONS: Final = (
    Operation(*("GET", _VERSIONS, "List what was live when", Power.READ_POLICIES, list_policy_versions, PolicyHistory)),
    Operation(
        *("GET", f"{_VERSIONS}/{{id}}", "Show the files of a version", Power.READ_POLICIES),
        *(show_policy_version, StoredPolicies),
        errors=("POLICY_NOT_FOUND",),
    ),
    Operation(
        *("GET", "/admin/v1/policies/effective/{team}", "Show what a team is held to", Power.READ_POLICIES),
        *(show_effective_policy, EffectivePolicy),
        errors=("TEAM_UNKNOWN",),
    ),
)
