"""What the price files say, beside what the upstream's public catalogue says: which models, and which base prices.

The rule of this file: a difference is told, never taken over. The catalogue tells no factors and no versions, so that
nothing differs here is no proof of a price; `price drift` tells what was charged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.money import MicroUsd
from gateway.core.rate_card import ModelPrice
from gateway.core.reply import unwrapped


@dataclass(frozen=True, slots=True)
class OtherBase:
    """A model whose base price is another upstream (micro-USD); None where the upstream has no price for it."""

    model: str
    ours: MicroUsd
    upstream: MicroUsd | None


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """Models that only we know, that only the upstream sells, and those with another base price, by name."""

    missing: tuple[str, ...]
    unpriced: tuple[str, ...]
    different: tuple[OtherBase, ...]

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.unpriced or self.different)


def read_catalogue(document: object) -> Mapping[str, MicroUsd | None] | None:
    """The base price of each model of `GET /v1/catalog/models`, None of one without; None if it is no catalogue.

    The provider's pages show a bare array, speak of an object with `models`, and wrap either in an envelope.
    """
    rows: object = document
    if isinstance(rows, dict):
        rows = rows["data"] if isinstance(rows.get("data"), list) else unwrapped(rows).get("models")
    if not isinstance(rows, list):
        return None
    found: dict[str, MicroUsd | None] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("slug"), str):
            return None
        pricing = row.get("pricing")
        base = pricing.get("baseCredits") if isinstance(pricing, dict) else None
        found[row["slug"]] = base if type(base) is int and base >= 0 else None
    return found


def compare_prices(ours: Mapping[str, ModelPrice], upstream: Mapping[str, MicroUsd | None]) -> PriceCheck:
    """A model that neither side prices is no difference."""
    shared = sorted(set(ours) & set(upstream))
    return PriceCheck(
        missing=tuple(sorted(set(ours) - set(upstream))),
        unpriced=tuple(sorted(slug for slug, base in upstream.items() if base is not None and slug not in ours)),
        different=tuple(
            OtherBase(slug, ours[slug].base, upstream[slug]) for slug in shared if ours[slug].base != upstream[slug]
        ),
    )
