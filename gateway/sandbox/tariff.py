"""The sandbox's own price arithmetic: base times every multiplier, exact, rounded half up at the end.

It shares no code with the part of the program that it is there to check. Where the documents are silent it does what a
careless service would do, to the customer's cost: options count in any JSON type of the same meaning, an omitted field
counts at its documented default, and shots that run longer than the clip are charged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from gateway.sandbox.catalogue import Factor, Model
from gateway.sandbox.replies import Refusal


@dataclass(frozen=True, slots=True)
class Applied:
    """One factor as it counted: the field, the option taken and its multiplier."""

    field: str
    option: str
    multiplier: Fraction


@dataclass(frozen=True, slots=True)
class Price:
    """`base` and `full` (the whole product, before discounts and rounding) in micro-cents."""

    base: int
    applied: tuple[Applied, ...]
    full: Fraction


def price(model: Model, given: Mapping[str, object], media_seconds: int) -> Price | Refusal:
    """Price one job; `media_seconds` is how long the reference video is, where that decides the price."""
    if model.base is None:
        # The page calls the price "coming soon": there is nothing to order yet, so for a buyer there is no such model.
        return Refusal("MODEL_NOT_FOUND", f"Model {model.slug} has no price yet and cannot be ordered")
    full, applied = Fraction(model.base), []
    for factor in model.factors:
        match _apply(model, factor, given, media_seconds):
            case Refusal() as refusal:
                return refusal
            case Applied() as one:
                applied.append(one)
                full *= one.multiplier
    return Price(model.base, tuple(applied), full)


def half_up(amount: Fraction) -> int:
    """Whole micro-cents; the provider documents no rounding rule, half up is this sandbox's."""
    return floor(amount + Fraction(1, 2))


def _apply(model: Model, factor: Factor, given: Mapping[str, object], media_seconds: int) -> Applied | Refusal:
    option = _option(model, factor, given, media_seconds)
    if isinstance(option, Refusal):
        return option
    multiplier = factor.multipliers.get(option)
    if multiplier is None:
        offered = list(factor.multipliers)
        return Refusal(
            "INVALID_INPUT", f"{factor.field} is not one of its options", {"field": factor.field, "options": offered}
        )
    return Applied(factor.field, option, multiplier)


def _option(model: Model, factor: Factor, given: Mapping[str, object], media_seconds: int) -> str | Refusal:
    if factor.derived_from_media:
        return str(media_seconds)
    value = given.get(factor.field)
    option = _when_omitted(factor) if value is None else _spelled(value)
    if option is None:
        return Refusal("INVALID_INPUT", f"{factor.field} is required", {"field": factor.field})
    if factor.field == "duration" and model.takes("multishot"):
        return _longest(factor, option, given.get("multishot"))
    return option


def _when_omitted(factor: Factor) -> str | None:
    """The documented default; with none, and one multiplier for all options, the choice cannot matter."""
    if factor.default is None and len(set(factor.multipliers.values())) == 1:
        return next(iter(factor.multipliers))
    return factor.default


def _spelled(value: object) -> str:
    """The option a JSON value stands for: `5`, `5.0` and `"5"` are one, `true` and `"true"` too."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return ""


def _longest(factor: Factor, option: str, shots: object) -> str | Refusal:
    """The larger of the clip's length and the sum of its shots; a shot that names no length runs the default one."""
    if not shots:
        return option
    lengths = [_shot_seconds(each, factor.default) for each in shots] if isinstance(shots, list) else [None]
    if not option.isdecimal() or None in lengths:
        return Refusal("INVALID_INPUT", "multishot is not a list of shots with whole seconds", {"field": "multishot"})
    return str(max(int(option), sum(each for each in lengths if each is not None)))


def _shot_seconds(shot: object, default: str | None) -> int | None:
    if not isinstance(shot, dict):
        return None
    length = shot.get("duration")
    text = default or "" if length is None else _spelled(length)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else None
