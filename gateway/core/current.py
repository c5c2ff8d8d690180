"""What may be exchanged while the program runs, such as a secret: whoever uses it asks each time, and keeps no copy."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Current(Generic[T]):
    """`value` is the one that counts now."""

    value: T = field(repr=False)
