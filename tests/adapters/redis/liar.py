"""A link that lies: it loses replies, says them twice, exchanges them, dawdles, and breaks."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from gateway.adapters.redis.line import PATIENCE_S

_DAWDLE_S = 0.003


@dataclass
class Liar:
    """A `Forge`. `odds` are those of each kind of lie for every reply; `told` counts the lies."""

    rng: Random
    odds: dict[str, float]
    told: Counter[str] = field(default_factory=Counter)

    async def __call__(self, replies: list[bytes]) -> list[bytes] | None:
        said: list[bytes] = []
        for reply in replies:
            said.append(reply)
            if self._now("lost"):
                said.pop()
            if self._now("twice"):
                said.append(reply)
            if self._now("exchanged") and said:
                other = self.rng.randrange(len(said))
                said[other], said[-1] = said[-1], said[other]
            if self._now("slow"):
                await asyncio.sleep(self.rng.random() * _DAWDLE_S)
            if self._now("late"):
                await asyncio.sleep(PATIENCE_S + _DAWDLE_S)
            if self._now("broken"):
                return None
        return said

    def _now(self, kind: str) -> bool:
        lies = self.rng.random() < self.odds.get(kind, 0.0)
        self.told[kind] += lies
        return lies
