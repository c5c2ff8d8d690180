"""What one job costs: the provider's formula, base x every factor, and nothing else.

The rule of this file: what cannot be priced exactly as documented is refused, never guessed and never free.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from gateway.core.account import Meter
from gateway.core.field_name import fold, shown
from gateway.core.money import MicroUsd, Rounding, round_quotient
from gateway.core.rate_card import WHOLE_NUMBER, Bounds, Factor, ModelPrice, Option, RateCard

Scalar: TypeAlias = str | int | bool

_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class AppliedFactor:
    """One factor of a quote: the option that was found (or defaulted, or assumed) and its multiplier as written."""

    field: str
    value: str
    multiplier: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one job. `amount` is rounded by the rate card's rule, `hold_amount` up; both micro-USD.

    `pinned` are the priced fields the request left out, with the default that was priced, in the type to be sent.
    `meters` holds what the job counts on `seconds` and `images`; a meter it does not feed is absent.
    """

    model: str
    version: str | None
    amount: MicroUsd
    hold_amount: MicroUsd
    factors: tuple[AppliedFactor, ...]
    rate_card: str
    meters: Mapping[Meter, int]
    pinned: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class PriceUnknown:
    """No rate card in force has a price for this slug, or not for this version; or none that is believed (`closed`)."""

    model: str
    version: str | None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class InputRefused:
    """A field of `input` that cannot be priced. The message names the field and, where there are some, the options."""

    field: str
    message: str
    options: tuple[str, ...] = ()


Unpriced: TypeAlias = PriceUnknown | InputRefused


@dataclass(frozen=True, slots=True)
class _Tariff:
    """A model's price in force, with the card it is on.

    `own` are the field names this model knows; `guarded` maps the fold of every name that matters to that name.
    `quotes` remembers what was computed, by version, options and fields left out: nothing else is part of a quote.
    """

    card: RateCard
    price: ModelPrice
    own: frozenset[str]
    guarded: Mapping[str, str]
    quotes: dict[tuple[str | None, ...], Quote] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All rate cards. A newer card replaces an older one slug by slug, from its `effective_from` on."""

    cards: tuple[RateCard, ...]
    _starts: tuple[datetime, ...] = field(init=False, repr=False, compare=False)
    _tariffs: tuple[Mapping[str, _Tariff], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_date = tuple(sorted(self.cards, key=lambda card: card.effective_from))
        object.__setattr__(self, "_starts", tuple(card.effective_from for card in by_date))
        object.__setattr__(self, "_tariffs", ({}, *_tariffs(by_date)))

    def models(self, now: datetime) -> Mapping[str, ModelPrice]:
        """Slug -> price of every model that has one at `now` (aware)."""
        return {slug: tariff.price for slug, tariff in self._at(now).items()}

    def price(self, model: str, now: datetime) -> ModelPrice | None:
        """The price of one model at `now` (aware), None where it has none."""
        tariff = self._at(now).get(model)
        return None if tariff is None else tariff.price

    def quote(self, model: str, version: str | None, inputs: Mapping[str, object], now: datetime) -> Quote | Unpriced:
        """The price of one job at `now` (aware). `inputs` is the request's `input`, parsed from JSON."""
        tariff = self._at(now).get(model)
        if tariff is None or (version is not None and version not in tariff.price.versions):
            return PriceUnknown(model, version)
        if (stray := _stray(tariff, inputs)) is not None:
            return stray
        options: list[Option] = []
        for factor in tariff.price.factors:
            found = _option(factor, inputs)
            if isinstance(found, InputRefused):
                return found
            options.append(found)
        return _quote(tariff, version, options, inputs)

    def guarded(self, model: str, now: datetime) -> Collection[str]:
        """The folds of every name whose value, on this model, may cost money; none where it has no price."""
        tariff = self._at(now).get(model)
        return () if tariff is None else tariff.guarded.keys()

    def _at(self, now: datetime) -> Mapping[str, _Tariff]:
        return self._tariffs[bisect_right(self._starts, now)]


def _tariffs(cards: tuple[RateCard, ...]) -> Iterator[Mapping[str, _Tariff]]:
    """The tariffs in force from each card on, until the next."""
    in_force: dict[str, tuple[RateCard, ModelPrice]] = {}
    for card in cards:
        in_force |= {slug: (card, price) for slug, price in card.models.items()}
        guarded = {fold(name): name for _, price in in_force.values() for name in price.priced_names}
        yield {slug: _tariff(on, price, guarded) for slug, (on, price) in in_force.items()}


def _tariff(card: RateCard, price: ModelPrice, guarded: Mapping[str, str]) -> _Tariff:
    own = price.priced_names | price.free
    return _Tariff(card, price, own, {**guarded, **{fold(name): name for name in own}})


def _stray(tariff: _Tariff, inputs: Mapping[str, object]) -> InputRefused | None:
    """The first field that some parser, or some other model, would take for one that costs money."""
    for name in inputs:
        if name not in tariff.own and (alike := tariff.guarded.get(fold(name))) is not None:
            return _mistakable(name, alike)
    return None


def _mistakable(name: str, alike: str) -> InputRefused:
    field = shown(name)
    if name == alike:
        return InputRefused(field, f'"{field}" is priced on other models and is not an input of this one.')
    return InputRefused(field, f'"{field}" is not an input of this model and could be taken for "{alike}".')


def _option(factor: Factor, inputs: Mapping[str, object]) -> Option | InputRefused:
    """The option to price `factor` at: what the request says, the default, or for media the dearest."""
    if factor.field not in inputs:
        found = factor.dearest if factor.from_media else factor.omitted
    elif factor.from_media:
        return InputRefused(factor.field, f'"{factor.field}" cannot be sent: the input media decides it.')
    else:
        found = factor.find(inputs[factor.field])
    if found is None:
        return _not_offered(factor, required=factor.field not in inputs)
    if factor.bounds is None or factor.bounds.root not in inputs:
        return found
    return _bounded(factor, factor.bounds, found, inputs[factor.bounds.root])


def _not_offered(factor: Factor, *, required: bool) -> InputRefused:
    options = tuple(one.text for one in factor.options)
    rule = "is required: one of" if required else "must be one of"
    return InputRefused(factor.field, f'"{factor.field}" {rule} {_listed(options)}.', options)


def _listed(options: tuple[str, ...]) -> str:
    return ", ".join(f'"{text}"' for text in options)


def _bounded(factor: Factor, bounds: Bounds, asked: Option, elements: object) -> Option | InputRefused:
    """The option for the larger of what was asked and what the nested fields add up to."""
    if not isinstance(elements, list):
        return InputRefused(bounds.root, f'"{bounds.root}" must be a list of objects.')
    total, dearest = 0, 0
    for index, element in enumerate(elements):
        number = _nested(f"{bounds.root}[{index}]", bounds.nested, element)
        if isinstance(number, InputRefused):
            return number
        if number is None:
            dearest = int(factor.dearest.text)
        else:
            total += number
    found = factor.find(max(int(asked.text), total, dearest))
    return _outspent(factor, bounds) if found is None else found


def _nested(place: str, nested: str, element: object) -> int | InputRefused | None:
    """The whole number at `nested` of one element; None when the element leaves it out."""
    if not isinstance(element, dict):
        return InputRefused(place, f'"{place}" must be an object.')
    for name in element:
        if name != nested and fold(name) == fold(nested):
            return _mistakable(f"{place}.{name}", nested)
    if nested not in element:
        return None
    value = element[nested]
    number = int(value) if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value) else value
    if type(number) is not int or number < 1:
        return InputRefused(f"{place}.{nested}", f'"{place}.{nested}" must be a whole number of at least 1.')
    return number


def _outspent(factor: Factor, bounds: Bounds) -> InputRefused:
    options = tuple(one.text for one in factor.options)
    summed = f'"{factor.field}" and the sum of "{bounds.root}[].{bounds.nested}"'
    return InputRefused(bounds.root, f"The larger of {summed} must be one of {_listed(options)}.", options)


def _quote(tariff: _Tariff, version: str | None, options: list[Option], inputs: Mapping[str, object]) -> Quote:
    """The quote for these options, one for each of the tariff's factors."""
    pinned = [one.field for one in tariff.price.factors if one.default is not None and one.field not in inputs]
    question = (version, *[one.text for one in options], *pinned)
    known = tariff.quotes.get(question)
    if known is None:
        if len(tariff.quotes) >= _REMEMBERED:
            tariff.quotes.clear()
        known = tariff.quotes[question] = _computed(tariff, version, options, pinned)
    return known


def _computed(tariff: _Tariff, version: str | None, options: list[Option], pinned: Collection[str]) -> Quote:
    """The formula: base x every multiplier, rounded once."""
    price, card = tariff.price, tariff.card
    numerator, denominator = price.base, 1
    for one in options:
        numerator *= one.numerator
        denominator *= one.denominator
    fields = [factor.field for factor in price.factors]
    return Quote(
        model=price.slug,
        version=version,
        amount=round_quotient(numerator, denominator, card.rounding),
        hold_amount=round_quotient(numerator, denominator, Rounding.UP),
        factors=tuple(AppliedFactor(name, one.text, one.multiplier) for name, one in zip(fields, options, strict=True)),
        rate_card=card.version,
        meters={
            meter: feed if isinstance(feed, int) else int(options[fields.index(feed)].text)
            for meter, feed in price.meters.items()
        },
        pinned={one.field: one.default for one in price.factors if one.default is not None and one.field in pinned},
    )
