"""The control plane's routes for teams: what each may spend, and how much of it is left."""

from typing import Annotated, Final

from pydantic import Field

from gateway.core.money import format_usd
from gateway.core.policy import TeamUnknown
from gateway.core.role import Power
from gateway.service.teams import TeamStanding
from gateway.web import admin_errors
from gateway.web.admin_documents import LimitStanding, Usd
from gateway.web.administration import led
from gateway.web.operation import Answer, Call, Document, Nothing, Operation, Query
from gateway.web.problem import GatewayError


class TeamQuery(Query):
    """`cursor` is one that a page named."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[str, Field(max_length=100)] = ""


class TeamRow(Document):
    """A team, and the limits that all its keys share."""

    team: str
    owner: str | None
    cost_center: str | None
    unlimited: bool
    limits: tuple[LimitStanding, ...]


class TeamPageDocument(Document):
    """In the order of their names; `next_cursor`, if there are more."""

    teams: tuple[TeamRow, ...]
    next_cursor: str | None


class TeamDocument(TeamRow):
    """A team, what it may use, and every limit that it is held to, the organization's and those per key too."""

    models: tuple[str, ...]
    cost_per_job: Usd | None


async def list_teams(call: Call[TeamQuery, None]) -> Answer:
    page = await call.control.teams.page(call.query.limit, call.query.cursor, led(call.by, None))
    return Answer(TeamPageDocument(teams=tuple(map(_row, page.teams)), next_cursor=page.following))


async def show_team(call: Call[Nothing, None]) -> Answer | GatewayError:
    slug = call.names["team"]
    if not call.by.sees(slug):
        return admin_errors.team_unknown(slug)
    shown = await call.control.effective.show(slug)
    if isinstance(shown, TeamUnknown):
        return admin_errors.team_unknown(slug)
    team, dearest = shown.team, shown.team.allow.cost_per_job
    return Answer(
        TeamDocument(
            team=team.slug,
            owner=team.owner,
            cost_center=team.cost_center,
            unlimited=team.unlimited,
            limits=tuple(LimitStanding.of(one.demand, one.balance, one.key) for one in shown.limits),
            models=shown.models,
            cost_per_job=None if dearest is None else format_usd(dearest),
        )
    )


def _row(standing: TeamStanding) -> TeamRow:
    team = standing.team
    return TeamRow(
        team=team.slug,
        owner=team.owner,
        cost_center=team.cost_center,
        unlimited=team.unlimited,
        limits=tuple(LimitStanding.of(asked, balance, None) for asked, balance in standing.limits),
    )


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/teams", "List teams", Power.READ_SPEND, list_teams, TeamPageDocument, TeamQuery),
    Operation(
        *("GET", "/admin/v1/teams/{team}", "Show a team", Power.READ_SPEND, show_team, TeamDocument),
        errors=("TEAM_UNKNOWN",),
    ),
)
