"""The organization's file and the teams': each becomes a policy, or the list of everything that is wrong with it.

The rule of this file: one reading names every mistake, by its key and in a sentence. What single values may be is in
`policy_tables.py`; what they must be to each other, in `policy_rules.py`.
"""

from collections.abc import Iterable
from datetime import UTC
from zoneinfo import ZoneInfo

from gateway.adapters.policy_files.policy_rules import organization_rules_broken, team_rules_broken
from gateway.adapters.policy_files.policy_tables import (
    AllowTable,
    LimitTable,
    OrganizationTable,
    OverrideTable,
    RateTable,
    TeamTable,
)
from gateway.adapters.policy_files.sentences import read_table
from gateway.adapters.policy_files.toml import Toml
from gateway.core.account import AccountScope, Meter
from gateway.core.complaint import Complaint
from gateway.core.money import parse_usd
from gateway.core.policy_set import Allow, Limit, Organization, Override, Rate, RateWindow, TeamPolicy
from gateway.core.window import Calendar, WindowKind


def parse_organization(file: str, document: Toml) -> Organization | tuple[Complaint, ...]:
    """Read `organization.toml`, parsed by `tomllib`. Loads the zone."""
    table = read_table(file, document, OrganizationTable, organization_rules_broken(document))
    return table if isinstance(table, tuple) else _organization(table)


def parse_team(file: str, document: Toml) -> TeamPolicy | tuple[Complaint, ...]:
    """Read a team's file, parsed by `tomllib`. `file` is its path below the policies directory."""
    table = read_table(file, document, TeamTable, team_rules_broken(file, document))
    return table if isinstance(table, tuple) else _team(table)


def _organization(table: OrganizationTable) -> Organization:
    return Organization(
        slug=table.organization,
        calendar=Calendar(ZoneInfo(table.zone), table.fiscal_year_starts),
        models=tuple(table.defaults.models),
        limits=tuple(_limit(limit, AccountScope.ORGANIZATION, table.override) for limit in table.limit),
        rates=tuple(_rate(rate, AccountScope.ORGANIZATION) for rate in table.rate),
        alerts_to=None if table.alerts is None else table.alerts.webhook,
    )


def _team(table: TeamTable) -> TeamPolicy:
    return TeamPolicy(
        slug=table.team,
        owner=table.owner,
        cost_center=table.cost_center,
        allow=_allow(table.allow),
        limits=tuple(_limit(limit, AccountScope(limit.per), table.override) for limit in table.limit),
        rates=tuple(_rate(rate, AccountScope(rate.per)) for rate in table.rate),
        unlimited=table.unlimited,
        alerts_to=None if table.alerts is None else table.alerts.webhook,
    )


def _allow(table: AllowTable) -> Allow:
    return Allow(
        models=None if table.models is None else tuple(table.models),
        cost_per_job=None if table.cost_per_job is None else parse_usd(table.cost_per_job),
        input={field: tuple(options) for field, options in table.input.items()},
        unmetered=table.unmetered,
    )


def _limit(table: LimitTable, scope: AccountScope, overrides: Iterable[OverrideTable]) -> Limit:
    meter = Meter(table.meter)
    return Limit(
        name=table.name,
        scope=scope,
        meter=meter,
        window=None if table.window is None else WindowKind(table.window),
        ceiling=_ceiling(table.ceiling),
        models=tuple(table.models),
        enforced=table.mode == "enforce",
        alert_at=tuple(sorted(int(percentage.removesuffix("%")) for percentage in table.alert_at)),
        overrides=tuple(
            _override(override, place) for place, override in enumerate(overrides) if override.limit == table.name
        ),
    )


def _override(table: OverrideTable, place: int) -> Override:
    return Override(
        ceiling=_ceiling(table.ceiling),
        starts_at=table.starts_at.astimezone(UTC),
        ends_at=table.until.astimezone(UTC),
        reason=table.reason,
        approved_by=table.approved_by,
        place=place,
    )


def _rate(table: RateTable, scope: AccountScope) -> Rate:
    return Rate(table.name, scope, table.requests, RateWindow(table.window), table.burst or table.requests)


def _ceiling(value: str | int) -> int:
    """Micro-USD where it is money, which alone is a string."""
    return parse_usd(value) if isinstance(value, str) else value
