"""What the values of the organization's or a team's file must be to each other.

The rule of this file: it reads the document as TOML gave it and passes over what has the wrong type (`policy_tables.py`
complains of that), so that one mistake never hides another.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from pathlib import PurePosixPath
from typing import Final

from gateway.adapters.policy_files.policy_tables import LIMIT_NAME
from gateway.adapters.policy_files.sentences import MONEY, Broken, is_money, listed_twice, whole
from gateway.adapters.policy_files.toml import Toml, tables
from gateway.core.account import Meter
from gateway.core.complaint import meant
from gateway.core.money import MAX_AMOUNT

_COUNTS: Final = [meter for meter in Meter if meter is not Meter.USD]
_WINDOWED: Final = [meter for meter in Meter if meter is not Meter.IN_FLIGHT]
_is_count: Final = whole(0, MAX_AMOUNT)


def organization_rules_broken(document: Toml) -> Iterator[Broken]:
    """Every rule that the organization's file breaks, as TOML key and sentence."""
    yield from _shared_rules_broken(document)
    for name in ("limit", "rate"):
        for at, table in tables(name, document):
            if "per" in table:
                yield f"{at}.per", "is for the files of teams: here an account is the organization's"


def team_rules_broken(file: str, document: Toml) -> Iterator[Broken]:
    """Every rule that a team's file breaks, as TOML key and sentence. `file` is its path."""
    yield from _shared_rules_broken(document)
    slug, team = PurePosixPath(file).stem, document.get("team")
    if isinstance(team, str) and team != slug:
        yield "team", f'must be "{slug}", as the file is named'
    yield from _money_rule(document)


def _shared_rules_broken(document: Toml) -> Iterator[Broken]:
    limits, rates = tables("limit", document), tables("rate", document)
    yield from _named_twice(limits)
    yield from _named_twice(rates)
    for at, limit in limits:
        yield from _ceiling(at, limit, limit.get("meter"))
        yield from _window(at, limit)
        yield from listed_twice(f"{at}.alert_at", limit.get("alert_at"))
    yield from _overrides(limits, tables("override", document))


def _named_twice(named: list[tuple[str, Toml]]) -> Iterator[Broken]:
    first: dict[str, str] = {}
    for at, table in named:
        name = table.get("name")
        if isinstance(name, str) and (other := first.setdefault(name, at)) != at:
            yield f"{at}.name", f"is the name of {other} already"


def _ceiling(at: str, table: Toml, meter: object) -> Iterator[Broken]:
    """Money is a string, so that no digit is lost; a count is a whole number. Without a meter either may be right."""
    if "ceiling" not in table:
        return
    ceiling = table["ceiling"]
    if meter == Meter.USD and not is_money(ceiling):
        yield f"{at}.ceiling", MONEY
    elif meter in _COUNTS and not _is_count(ceiling):
        yield f"{at}.ceiling", f"must be a whole number without quotes, 0 or more: it counts {meter}"
    elif not is_money(ceiling) and not _is_count(ceiling):
        yield f"{at}.ceiling", "must be money in quotes for usd, else a whole number without quotes"


def _window(at: str, limit: Toml) -> Iterator[Broken]:
    meter = limit.get("meter")
    if meter == Meter.IN_FLIGHT and "window" in limit:
        yield f"{at}.window", "must be left out: in_flight counts the jobs that run now"
    elif meter in _WINDOWED and "window" not in limit:
        yield f"{at}.window", "is required for every meter but in_flight"


def _overrides(limits: list[tuple[str, Toml]], overrides: list[tuple[str, Toml]]) -> Iterator[Broken]:
    meters = {limit["name"]: limit.get("meter") for _, limit in limits if isinstance(limit.get("name"), str)}
    for at, override in overrides:
        name = override.get("limit")
        if isinstance(name, str) and name not in meters:
            yield f"{at}.limit", meant(LIMIT_NAME, name, (one for one in meters if isinstance(one, str)))
        yield from _ceiling(at, override, meters.get(name) if isinstance(name, str) else None)
        if (span := _span(override)) is not None and span[0] >= span[1]:
            yield f"{at}.until", "must be later than from"
    for (first, one), (second, other) in combinations(overrides, 2):
        same = isinstance(one.get("limit"), str) and one.get("limit") == other.get("limit")
        if same and _overlap(_span(one), _span(other)):
            yield second, f"overlaps {first}: at every instant one ceiling is in force"


def _span(override: Toml) -> tuple[datetime, datetime] | None:
    start, end = override.get("from"), override.get("until")
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return None
    return (start, end) if start.utcoffset() is not None and end.utcoffset() is not None else None


def _overlap(one: tuple[datetime, datetime] | None, other: tuple[datetime, datetime] | None) -> bool:
    return one is not None and other is not None and one[0] < other[1] and other[0] < one[1]


def _money_rule(document: Toml) -> Iterator[Broken]:
    """Every team has an enforced limit on money, or says that it wants none."""
    limits, unlimited = document.get("limit", []), document.get("unlimited", False)
    on_money = [limit for _, limit in tables("limit", document) if _bounds_money(limit)]
    if unlimited is True and any(_bounds_all_money(limit) for limit in on_money):
        yield "unlimited", "contradicts the enforced limit on usd in this file: one of them must go"
    elif unlimited is False and isinstance(limits, list) and not on_money:
        yield "limit", "must hold an enforced limit on usd, or the file must say unlimited = true"


def _bounds_money(limit: Toml) -> bool:
    """A meter that is mistaken may have been meant so."""
    return limit.get("meter") not in _COUNTS and limit.get("mode") != "shadow"


def _bounds_all_money(limit: Toml) -> bool:
    return limit.get("meter") == Meter.USD and limit.get("models", ["*"]) == ["*"]
