"""Where policies speak of models and options: what they name must have a price, and what they allow must be bounded.

The rule of this file: a pattern or an option that means nothing is a slip of the pen, and no model that a team may run
goes without a money limit, unless its file says `unlimited = true`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from gateway.adapters.policy_files.sentences import Broken, quoted
from gateway.adapters.policy_files.toml import Toml, array, strings, table, tables
from gateway.core.account import Meter
from gateway.core.complaint import meant
from gateway.core.field_name import fold
from gateway.core.model_glob import matches
from gateway.core.policy_set import Limit, Organization, TeamPolicy
from gateway.core.rate_card import RateCard


@dataclass(frozen=True, slots=True)
class Priced:
    """Every slug that has a price, now or later, and the options of every priced field over all models."""

    slugs: tuple[str, ...]
    options: Mapping[str, frozenset[str]]


def priced(cards: Iterable[RateCard]) -> Priced:
    """What the rate cards put a price on."""
    models = [price for card in cards for price in card.models.values()]
    options: dict[str, frozenset[str]] = {}
    for factor in (factor for price in models for factor in price.factors):
        options[factor.field] = options.get(factor.field, frozenset()) | {one.text for one in factor.options}
    return Priced(tuple(sorted({price.slug for price in models})), options)


def links_broken(document: Toml, prices: Priced) -> Iterator[Broken]:
    """Every pattern and option of an organization's or a team's file that means nothing, as TOML key and sentence."""
    for at, holder in [("defaults", document.get("defaults")), ("allow", document.get("allow"))]:
        yield from _patterns(at, table(holder), prices)
    for at, limit in tables("limit", document):
        yield from _patterns(at, limit, prices)
    for field, options in table(table(document.get("allow")).get("input")).items():
        yield from _options(field, array(options), prices)


def unbounded(team: TeamPolicy, organization: Organization, prices: Priced) -> Iterator[Broken]:
    """Models that the team may run and that count on no enforced money limit, its own or the organization's."""
    if team.unlimited:
        return
    allowed = organization.models if team.allow.models is None else team.allow.models
    bounds = [limit.models for limit in team.limits + organization.limits if _bounds_money(limit)]
    if free := _free(prices.slugs, allowed, frozenset(bounds)):
        more = f" and {len(free) - 1} more" if len(free) > 1 else ""
        yield "limit", f"leaves {free[0]}{more} without an enforced limit on usd, here or in organization.toml"


@lru_cache(maxsize=256)
def _free(slugs: tuple[str, ...], allowed: tuple[str, ...], bounds: frozenset[tuple[str, ...]]) -> tuple[str, ...]:
    """The allowed models that none of the patterns matches. Teams by the thousand have the same."""
    return tuple(
        slug for slug in slugs if matches(allowed, slug) and not any(matches(patterns, slug) for patterns in bounds)
    )


def _bounds_money(limit: Limit) -> bool:
    return limit.meter is Meter.USD and limit.enforced


def _patterns(at: str, holder: Toml, prices: Priced) -> Iterator[Broken]:
    for index, pattern in strings(holder.get("models")):
        if not any(matches((pattern,), slug) for slug in prices.slugs):
            near = prices.slugs if "*" not in pattern else ()
            yield f"{at}.models[{index}]", meant("matches no model that has a price", pattern, near)


def _options(field: str, allowed: list[object], prices: Priced) -> Iterator[Broken]:
    """A field that no model prices may take any option, unless its name is nearly that of one that some model does."""
    key = f"allow.input.{quoted(field)}"
    if field not in prices.options:
        by_fold = {fold(name): name for name in prices.options}
        if near := get_close_matches(fold(field), by_fold, n=1, cutoff=0.85):
            name = by_fold[near[0]]
            yield key, meant("is a field that no model prices", name, [name])
        return
    for index, option in strings(allowed):
        if option not in prices.options[field]:
            known = ", ".join(f'"{text}"' for text in sorted(prices.options[field]))
            sentence = f"is no option of {field} on any model; there are {known}"
            yield f"{key}[{index}]", meant(sentence, option, prices.options[field])
