"""A simulation as one JSON document, and as tables for people to read.

The rule of this file: the tables are made from the document, so that both say the same.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.core.account import AccountScope, Meter
from gateway.core.headroom_curve import LimitName, Low
from gateway.core.money import format_usd
from gateway.core.refused import Why
from gateway.core.tally import Share, Tally, TeamTally
from gateway.core.timestamp import timestamp

_NOTHING: Final = Share()
_STEPS: Final = "▁▂▃▄▅▆▇█"


def team_rows(tallies: Mapping[str, Tally], only: str | None) -> list[dict[str, Any]]:
    """What each world came to, team by team."""
    teams = sorted({team for tally in tallies.values() for team in tally.teams if _wanted(team, only)})
    return [
        {"team": team, **{name: _team(tally.teams.get(team, TeamTally())) for name, tally in tallies.items()}}
        for team in teams
    ]


def refusal_rows(tallies: Mapping[str, Tally], only: str | None) -> list[dict[str, Any]]:
    """What refused how much in each world, team by team."""
    found = {name for tally in tallies.values() for name in tally.refusals if _wanted(name[0], only)}
    return [
        {
            "team": team,
            "code": refused.code,
            "scope": refused.scope,
            "limit": refused.limit,
            **{name: _share(tally.refusals.get((team, refused), _NOTHING)) for name, tally in tallies.items()},
        }
        for team, refused in sorted(found, key=_by_name)
    ]


def shadow_rows(tallies: Mapping[str, Tally], only: str | None) -> list[dict[str, Any]]:
    """What limits in shadow mode would have refused of what was admitted. Of what happened, nothing is recorded."""
    found = {name for tally in tallies.values() for name in tally.shadow if _wanted(name.team, only)}
    return [
        {
            "team": name.team,
            "limit": name.name,
            "meter": name.meter.value,
            **{world: _share(tally.shadow.get(name, _NOTHING)) for world, tally in tallies.items()},
        }
        for name in sorted(found, key=lambda one: (one.team, one.name, one.meter))
    ]


def headroom_rows(days: Mapping[LimitName, Mapping[str, Low]], only: str | None) -> list[dict[str, Any]]:
    """The least that was left of each limit, day by day."""
    return [
        {
            "scope": limit.scope.value,
            "owner": limit.owner,
            "limit": limit.name,
            "meter": limit.meter.value,
            "days": [
                {"day": day, "headroom": _amount(limit, low.headroom), "ceiling": _amount(limit, low.ceiling),
                 "used": round(_used(low), 4)}
                for day, low in sorted(lows.items())
            ],
        }
        for limit, lows in sorted(days.items(), key=lambda one: (one[0].scope, one[0].owner, one[0].name))
        if limit.scope is AccountScope.ORGANIZATION or _wanted(limit.owner, only)
    ]  # fmt: skip


def tables(document: Mapping[str, Any], worlds: tuple[str, ...]) -> Iterator[str]:
    """The document, line by line."""
    yield from _columns([["", *worlds], *(row for team in document["teams"] for row in _team_lines(team, worlds))])
    if document["refusals"]:
        yield ""
        yield "Refused, by what refused it (jobs, USD, the first):"
        rows = [[_refuser(one), *(_told(one[name]) for name in worlds)] for one in document["refusals"]]
        yield from _columns([["", *worlds], *rows])
    if document["shadow"]:
        yield ""
        yield "Admitted, and refused if these limits were enforced (jobs, USD, the first):"
        decided = worlds[1:]
        rows = [
            [f"{one['team']}  {one['limit']}", *(_told(one[name]) for name in decided)] for one in document["shadow"]
        ]
        yield from _columns([["", *decided], *rows])
    if document["headroom"]:
        yield ""
        yield "Used of each ceiling under the proposed policies, day by day, and the least that was left:"
        yield from _columns([_curve(one) for one in document["headroom"]])


def _wanted(team: str, only: str | None) -> bool:
    return only is None or team.removeprefix("test:") == only


def _by_name(found: tuple[str, Why]) -> tuple[str, ...]:
    team, refused = found
    return team, refused.scope or "", refused.limit or "", refused.code


def _team(sums: TeamTally) -> dict[str, Any]:
    return {
        "admitted": _share(sums.admitted),
        "refused": _share(sums.refused),
        "newly_refused": _share(sums.newly_refused),
        "newly_admitted": _share(sums.newly_admitted),
        "charged_usd": format_usd(sums.charged),
    }


def _share(share: Share) -> dict[str, Any]:
    first = None if share.first is None else timestamp(share.first)
    return {"jobs": share.jobs, "usd": format_usd(share.amount), "first": first}


def _amount(limit: LimitName, amount: int) -> str | int:
    return format_usd(amount) if limit.meter is Meter.USD else amount


def _used(low: Low) -> float:
    """The part of a ceiling that was used. Nothing passes a ceiling of 0, so it is full."""
    return 1.0 if low.ceiling <= 0 else 1 - low.headroom / low.ceiling


def _team_lines(team: Mapping[str, Any], worlds: tuple[str, ...]) -> Iterator[list[str]]:
    yield [team["team"], *[""] * len(worlds)]
    for name in ("admitted", "refused", "newly_refused", "newly_admitted"):
        figures = [team[world][name] for world in worlds]
        if name in ("admitted", "refused") or any(one["jobs"] for one in figures):
            yield [f"  {name.replace('_', ' ')}", *map(_jobs, figures)]
    yield ["  charged", *(team[world]["charged_usd"] for world in worlds)]


def _jobs(share: Mapping[str, Any]) -> str:
    return f"{share['jobs']} {'job' if share['jobs'] == 1 else 'jobs'} {share['usd']}"


def _refuser(row: Mapping[str, Any]) -> str:
    named = f"{row['scope']} {row['limit']}" if row["limit"] else row["scope"] or ""
    return "  ".join(part for part in (row["team"], row["code"], named) if part)


def _told(share: Mapping[str, Any]) -> str:
    if not share["jobs"]:
        return "-"
    return f"{share['jobs']}  {share['usd']}  {share['first'][:16].replace('T', ' ')}"


def _curve(row: Mapping[str, Any]) -> list[str]:
    days = row["days"]
    line = "".join(_STEPS[min(7, max(0, int(day["used"] * 8)))] for day in days)
    fullest = max(days, key=lambda day: day["used"])
    left = f"{fullest['headroom']} of {fullest['ceiling']} left on {fullest['day']}"
    return [f"{row['scope']} {row['owner']}", row["limit"], line, left]


def _columns(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
