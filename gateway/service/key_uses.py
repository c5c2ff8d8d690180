"""When keys were last used, to the hour: so that one that nobody uses any more is found, and a stolen one is noticed.

The rule of this file: a request never waits for it. What a process noted in its last seconds is lost if it is killed.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from gateway.ports.keys import KeyIndex

_TOGETHER: Final = 500
# Of which it is remembered that they need not be written again in this hour.
_REMEMBERED: Final = 100_000


@dataclass(slots=True)
class KeyUses:
    """`flush` is one round of a loop for `service/background.py`."""

    index: KeyIndex
    _hour: int = 0
    _written: set[str] = field(default_factory=set)
    _waiting: dict[str, None] = field(default_factory=dict)

    def note(self, key_id: str, now: datetime) -> None:
        """A key was used at `now` (UTC)."""
        hour = int(now.timestamp()) // 3600
        if hour > self._hour:
            self._hour, self._written = hour, set()
        if key_id not in self._written and len(self._waiting) < _REMEMBERED:
            self._waiting[key_id] = None

    async def flush(self) -> None:
        """Write down what was noted. Raises StoreUnavailable; then it waits on."""
        while self._waiting:
            some = tuple(islice(self._waiting, _TOGETHER))
            await self.index.note_used(some, self._hour)
            for key_id in some:
                del self._waiting[key_id]
            if len(self._written) < _REMEMBERED:
                self._written.update(some)
