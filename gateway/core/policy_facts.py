"""Everything that compiled policies and prices say, laid out as facts: what is at which place, field by field.

The rule of this file: nothing that decides a request is left out. Two sets of rules have the same facts exactly when
they are the same rules; the order of limits, rates and factors, which decides what is named first, is a fact as well.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from gateway.core.account import Meter
from gateway.core.money import format_usd
from gateway.core.plan import Rules
from gateway.core.policy_set import Limit, Organization, Override, Rate, TeamPolicy
from gateway.core.rate_card import Factor, ModelPrice, RateCard

ORGANIZATION: Final = "organization"

# As JSON: money is a string of USD, counts are numbers, lists keep their order.
Fact: TypeAlias = str | int | bool | tuple[str, ...] | Mapping[str, "Fact"] | None
Facts: TypeAlias = Mapping[str, Fact]


class Thing(StrEnum):
    """What a fact is about, in the order in which changes are shown."""

    ORGANIZATION = "organization"
    TEAM = "team"
    LIMIT = "limit"
    OVERRIDE = "override"
    RATE = "rate"
    PRICE_FILE = "price_file"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Place:
    """`owner` is a team's slug, or `organization`, which prices belong to as well; `name` is that of the thing."""

    owner: str
    thing: Thing
    name: str


def facts_of(rules: Rules) -> dict[Place, Facts]:
    """Every fact, in the order of the files."""
    found = dict(_organization(rules.policies.organization))
    for team in rules.policies.teams.values():
        found.update(_team(team))
    for card in rules.prices.cards:
        found.update(_card(card))
    return found


def amount_text(meter: Meter, amount: int) -> str | int:
    """Money as a string of USD with six places, counts as they are."""
    return format_usd(amount) if meter is Meter.USD else amount


def instant_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def override_name(limit: Limit, override: Override) -> str:
    """Overrides of one limit never begin together."""
    return f"{limit.name} from {instant_text(override.starts_at)}"


def limit_facts(limit: Limit) -> Facts:
    """What a limit says of itself, its overrides aside."""
    return {
        "meter": str(limit.meter),
        "window": None if limit.window is None else str(limit.window),
        "per": str(limit.scope),
        "ceiling": amount_text(limit.meter, limit.ceiling),
        "models": limit.models,
        "mode": "enforce" if limit.enforced else "shadow",
        "alert_at": tuple(f"{one}%" for one in limit.alert_at),
    }


def rate_facts(rate: Rate) -> Facts:
    return {"per": str(rate.scope), "requests": rate.requests, "window": str(rate.window), "burst": rate.burst}


def override_facts(limit: Limit, override: Override) -> Facts:
    return {
        "ceiling": amount_text(limit.meter, override.ceiling),
        "from": instant_text(override.starts_at),
        "until": instant_text(override.ends_at),
        "reason": override.reason,
        "approved_by": override.approved_by,
    }


def _organization(ours: Organization) -> Iterator[tuple[Place, Facts]]:
    yield (
        Place(ORGANIZATION, Thing.ORGANIZATION, ours.slug),
        {
            "zone": ours.calendar.zone.key,
            "fiscal_year_starts": ours.calendar.fiscal_year_starts,
            "defaults.models": ours.models,
            "alerts.webhook": ours.alerts_to,
            **_order(ours.limits, ours.rates),
        },
    )
    yield from _rules(ORGANIZATION, ours.limits, ours.rates)


def _team(team: TeamPolicy) -> Iterator[tuple[Place, Facts]]:
    allow = team.allow
    said: dict[str, Fact] = {
        "owner": team.owner,
        "cost_center": team.cost_center,
        "unlimited": team.unlimited,
        "alerts.webhook": team.alerts_to,
        "allow.models": allow.models,
        "allow.cost_per_job": None if allow.cost_per_job is None else format_usd(allow.cost_per_job),
        "allow.unmetered": allow.unmetered,
        **{f"allow.input.{field}": options for field, options in allow.input.items()},
        **_order(team.limits, team.rates),
    }
    yield Place(team.slug, Thing.TEAM, team.slug), said
    yield from _rules(team.slug, team.limits, team.rates)


def _order(limits: tuple[Limit, ...], rates: tuple[Rate, ...]) -> Facts:
    return {"limits": tuple(limit.name for limit in limits), "rates": tuple(rate.name for rate in rates)}


def _rules(owner: str, limits: tuple[Limit, ...], rates: tuple[Rate, ...]) -> Iterator[tuple[Place, Facts]]:
    for limit in limits:
        yield Place(owner, Thing.LIMIT, limit.name), limit_facts(limit)
        for override in limit.overrides:
            yield Place(owner, Thing.OVERRIDE, override_name(limit, override)), override_facts(limit, override)
    for rate in rates:
        yield Place(owner, Thing.RATE, rate.name), rate_facts(rate)


def _card(card: RateCard) -> Iterator[tuple[Place, Facts]]:
    said: Facts = {"effective_from": instant_text(card.effective_from), "rounding": str(card.rounding)}
    yield Place(ORGANIZATION, Thing.PRICE_FILE, card.version), said
    for price in card.models.values():
        yield Place(ORGANIZATION, Thing.PRICE, f"{price.slug} in {card.version}"), _price(price)


def _price(price: ModelPrice) -> Facts:
    return {
        "base": format_usd(price.base),
        "unit": str(price.unit),
        "free": tuple(sorted(price.free)),
        "versions": tuple(sorted(price.versions)),
        "factors": tuple(factor.field for factor in price.factors),
        **{f"factors.{factor.field}": _factor(factor) for factor in price.factors},
        **{f"meters.{meter}": feed for meter, feed in price.meters.items()},
    }


def _factor(factor: Factor) -> Facts:
    bounds = factor.bounds
    return {
        "options": tuple(f"{one.text}: {one.multiplier}" for one in factor.options),
        # As it would be sent: 1 and true are two defaults, which Python's equality does not tell apart.
        "default": None if factor.default is None else json.dumps(factor.default),
        "from": "media" if factor.from_media else None,
        "bounds": None if bounds is None else f"{bounds.root}[].{bounds.nested}",
    }
