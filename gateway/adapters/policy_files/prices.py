"""Price files, `prices/<version>.toml`: each becomes a rate card, or the list of everything that is wrong with it.

The rule of this file: one reading names every mistake, by its key and in a sentence. What single values may be is in
`price_tables.py`; what they must be to each other, in `price_rules.py`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath

from gateway.adapters.policy_files.price_rules import rules_broken
from gateway.adapters.policy_files.price_tables import BOUNDS, CardTable, FactorTable, ModelTable
from gateway.adapters.policy_files.sentences import read_table
from gateway.adapters.policy_files.toml import Toml, parse
from gateway.core.account import Meter
from gateway.core.complaint import Complaint
from gateway.core.money import Rounding
from gateway.core.pricing import PriceBook
from gateway.core.rate_card import Bounds, Factor, ModelPrice, RateCard, Unit, option

_STEM = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", re.ASCII)


def parse_prices(file: str, document: Toml) -> RateCard | tuple[Complaint, ...]:
    """Read one price file, parsed by `tomllib`. `file` is its path below the policies directory."""
    misnamed = _misnamed(file)
    table = read_table(file, document, CardTable, rules_broken(document))
    if isinstance(table, tuple):
        return misnamed + table
    return misnamed or _rate_card(PurePosixPath(file).stem, table)


def price_book(cards: Iterable[RateCard]) -> PriceBook | tuple[Complaint, ...]:
    """Put rate cards together. Two that begin at the same moment are a mistake: which is the newer one?"""
    by_start: dict[datetime, str] = {}
    mistakes: list[Complaint] = []
    ordered = sorted(cards, key=lambda card: card.version)
    for card in ordered:
        other = by_start.setdefault(card.effective_from, card.version)
        if other != card.version:
            message = f"must differ from that of prices/{other}.toml"
            mistakes.append(Complaint(f"prices/{card.version}.toml", "effective_from", message))
    return tuple(mistakes) or PriceBook(tuple(ordered))


def read_price_book(files: Mapping[str, str]) -> PriceBook | tuple[Complaint, ...]:
    """All price files, path below the policies directory -> TOML text, as one book; or every mistake in any of them."""
    cards: list[RateCard] = []
    mistakes: list[Complaint] = []
    for file, text in sorted(files.items()):
        card = _read(file, text)
        if isinstance(card, RateCard):
            cards.append(card)
        else:
            mistakes += card
    return tuple(mistakes) or price_book(cards)


def _read(file: str, text: str) -> RateCard | tuple[Complaint, ...]:
    document = parse(file, text)
    return document if isinstance(document, tuple) else parse_prices(file, document)


def _misnamed(file: str) -> tuple[Complaint, ...]:
    if _STEM.fullmatch(PurePosixPath(file).stem):
        return ()
    return (Complaint(file, "", "must be named by its version, such as 2026-02-18.toml: letters, digits, . _ -"),)


def _rate_card(version: str, table: CardTable) -> RateCard:
    models = {model.slug: _model_price(model) for model in table.model}
    return RateCard(version, table.effective_from, Rounding(table.rounding), models)


def _model_price(table: ModelTable) -> ModelPrice:
    meters = {Meter.SECONDS: table.meters.seconds, Meter.IMAGES: table.meters.images}
    return ModelPrice(
        slug=table.slug,
        base=table.base,
        unit=Unit(table.unit),
        factors=tuple(_factor(factor) for factor in table.factors),
        free=frozenset(table.free),
        versions=frozenset(table.versions),
        meters={meter: feed for meter, feed in meters.items() if feed is not None},
    )


def _factor(table: FactorTable) -> Factor:
    path = BOUNDS.fullmatch(table.bounds or "")
    return Factor(
        field=table.field,
        options=tuple(option(text, multiplier) for text, multiplier in table.multipliers.items()),
        default=table.default,
        from_media=table.source == "media",
        bounds=None if path is None else Bounds(path["root"], path["nested"]),
    )
