"""What the values of a price file must be to each other.

The rule of this file: it reads the document as TOML gave it and passes over what has the wrong type (`price_tables.py`
complains of that), so that one mistake never hides another.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Final, TypeGuard

from gateway.adapters.policy_files.price_tables import FEED
from gateway.adapters.policy_files.sentences import Broken, listed_twice
from gateway.adapters.policy_files.toml import Toml, strings, table, tables
from gateway.core.field_name import fold
from gateway.core.money import MAX_AMOUNT
from gateway.core.rate_card import MULTIPLIER, WHOLE_NUMBER, option_text

_MEDIA_DECIDES: Final = "must be left out: the media decides the value"


def rules_broken(document: Toml) -> Iterator[Broken]:
    """Every rule that the document breaks, as TOML key and sentence."""
    first: dict[str, str] = {}
    for place, model in tables("model", document):
        slug = model.get("slug")
        if isinstance(slug, str) and (other := first.setdefault(slug, place)) != place:
            yield f"{place}.slug", f"is priced already, in {other}"
        yield from _model(place, model)


def _model(place: str, model: Toml) -> Iterator[Broken]:
    factors = [(f"{place}.{at}", factor) for at, factor in tables("factors", model)]
    yield from _names(place, model, factors)
    yield from listed_twice(f"{place}.versions", model.get("versions"))
    yield from _meters(place, model, factors)
    for at, factor in factors:
        yield from _default(at, factor)
        yield from _bounds(at, factor)
    if _dearest(model.get("base"), factors) > MAX_AMOUNT:
        yield f"{place}.base", "is too much: with the dearest options a job would cost 2^53 micro-cents or more"


def _names(place: str, model: Toml, factors: list[tuple[str, Toml]]) -> Iterator[Broken]:
    """No name may stand for two things, nor be so like another that a client could take one for the other."""
    names = [(f"{at}.field", factor.get("field")) for at, factor in factors]
    names += [(f"{at}.bounds", str(factor["bounds"]).partition("[")[0]) for at, factor in factors if "bounds" in factor]
    names += [(f"{place}.free[{index}]", name) for index, name in strings(model.get("free"))]
    first: dict[str, str] = {}
    for key, name in names:
        folded = fold(name) if isinstance(name, str) else ""
        if folded and (other := first.setdefault(folded, key)) != key:
            yield key, f"names the same field as {other}"


def _meters(place: str, model: Toml, factors: list[tuple[str, Toml]]) -> Iterator[Broken]:
    for meter, feed in table(model.get("meters")).items():
        if not isinstance(feed, str) or meter not in ("seconds", "images"):
            continue
        named = [factor for _, factor in factors if factor.get("field") == feed]
        if not named:
            yield f"{place}.meters.{meter}", FEED
        elif not _whole_numbers(named[0]):
            yield f"{place}.meters.{meter}", "must name a factor whose options are all whole numbers"


def _default(at: str, factor: Toml) -> Iterator[Broken]:
    default, options = factor.get("default"), _options(factor)
    if default is not None and factor.get("from") == "media":
        yield f"{at}.default", _MEDIA_DECIDES
    elif options and _is_scalar(default) and option_text(default) not in options:
        yield f"{at}.default", "must be one of the options " + ", ".join(f'"{text}"' for text in options)


def _is_scalar(value: object) -> TypeGuard[str | int | bool]:
    return isinstance(value, str) or (isinstance(value, int) and abs(value) <= MAX_AMOUNT)


def _bounds(at: str, factor: Toml) -> Iterator[Broken]:
    """Bounds price the larger of two numbers, which is safe only where the larger number is never the cheaper one."""
    if "bounds" not in factor:
        return
    if factor.get("from") == "media":
        yield f"{at}.bounds", _MEDIA_DECIDES
    if not _whole_numbers(factor):
        yield f"{at}.bounds", "needs a factor whose options are all whole numbers"
    elif (ratios := _ratios(factor)) != sorted(ratios):
        yield f"{at}.bounds", "needs a factor that gets no cheaper as its option grows"


def _dearest(base: object, factors: list[tuple[str, Toml]]) -> Fraction:
    """What the dearest job of a model costs; mistaken figures count as 0."""
    return prod((max(_ratios(factor), default=Fraction(0)) for _, factor in factors), start=_amount(base))


def _amount(base: object) -> Fraction:
    return Fraction(base) if isinstance(base, int) and 0 <= base <= MAX_AMOUNT else Fraction(0)


def _ratios(factor: Toml) -> list[Fraction]:
    """The multipliers that can be read, in the order of their options: as numbers where they are numbers."""
    readable = {
        text: Fraction(multiplier)
        for text, multiplier in table(factor.get("multipliers")).items()
        if isinstance(multiplier, str) and MULTIPLIER.fullmatch(multiplier)
    }
    return [readable[text] for text in sorted(readable, key=lambda text: (len(text), text))]


def _whole_numbers(factor: Toml) -> bool:
    return all(WHOLE_NUMBER.fullmatch(text) for text in _options(factor))


def _options(factor: Toml) -> list[str]:
    return list(table(factor.get("multipliers")))
