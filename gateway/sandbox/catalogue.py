"""What the sandbox sells: the facts of the provider's public model pages, kept in `catalogue.json` beside this file.

One entry per slug: base in whole micro-cents, factors with exact multipliers, documented defaults. The one model
without a price (base null) is listed like the others and cannot be ordered.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Factor:
    """One multiplier of a price: option -> multiplier, with the option that counts when the field is left out.

    `derived_from_media`: the option is a property of the reference video, not a field of the request.
    """

    field: str
    default: str | None
    multipliers: Mapping[str, Fraction]
    derived_from_media: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One documented field of a model's `input`; an empty `options` means that any value goes."""

    name: str
    type: str
    required: bool
    default: object = None
    options: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One slug. `base` in micro-cents (None: not priced yet), `unit` as printed beside it, `media` video or image."""

    slug: str
    provider: str
    name: str
    capability: str
    media: str
    base: int | None
    unit: str | None
    processing_seconds: int | None
    factors: tuple[Factor, ...]
    inputs: tuple[Input, ...]

    @property
    def provider_id(self) -> str:
        return self.slug.partition("/")[0]

    @property
    def id(self) -> str:
        """The catalogue id, unlike the slug used to submit; the documents show the form `model_abc123`."""
        return "model_" + hashlib.sha256(self.slug.encode()).hexdigest()[:12]

    def takes(self, name: str) -> bool:
        return any(each.name == name for each in self.inputs)


@cache
def models() -> Mapping[str, Model]:
    """All models by slug, in the order of the provider's pages."""
    facts = json.loads(files("gateway.sandbox").joinpath("catalogue.json").read_text("utf-8"))
    return {each["slug"]: _model(each) for each in facts}


def _model(facts: dict[str, Any]) -> Model:
    plain = {name: value for name, value in facts.items() if name not in ("factors", "inputs")}
    return Model(
        **plain,
        factors=tuple(_factor(each) for each in facts["factors"]),
        inputs=tuple(Input(**{**each, "options": tuple(each.get("options", ()))}) for each in facts["inputs"]),
    )


def _factor(facts: dict[str, Any]) -> Factor:
    exact = {option: Fraction(multiplier) for option, multiplier in facts["multipliers"].items()}
    return Factor(facts["field"], facts["default"], exact, facts.get("derived_from_media", False))
