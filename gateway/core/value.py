"""Values of which every submit makes some: as `dataclass(frozen=True, slots=True)`, at a quarter of the cost.

The rule of this file: nobody assigns to a field of a value. The type checker, which reads all of our code, sees to
that; checking it at run time as well, field by field as each value is made, was an eighth of all that a submit costs.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Class = TypeVar("_Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_Class]) -> type[_Class]:
    """Make a class one of values: equal by its fields, hashed by them unless it knows better, and read-only to the type
    checker."""
    return dataclass(slots=True, unsafe_hash="__hash__" not in vars(cls))(cls)
