"""What the sandbox draws: ids, and which jobs fail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Randomness(Protocol):
    """`random.Random` is one, with a seed for tests."""

    def random(self) -> float: ...
    def getrandbits(self, k: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Randomness made of a source of random bytes, such as the system's: `token(n)` answers n of them."""

    token: Callable[[int], bytes]

    def random(self) -> float:
        return self.getrandbits(53) / 2**53

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(self.token((k + 7) // 8)) >> (-k % 8)
