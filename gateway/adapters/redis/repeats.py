"""What was answered to a request of the control plane that may come again, kept for a day under its idempotency key."""

import json
from typing import Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.ports.administration import Answered, Claimed, InProgress, OtherRequest

# An answer takes a few seconds at most; a gateway that died with one must not keep the key for long.
_RUNNING_MS: Final = 60_000
_KEPT_MS: Final = 24 * 3600 * 1000


class RedisRepeats:
    """Implements `ports.administration.Repeats`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim(self, name: str, request: str) -> Claimed | InProgress | OtherRequest | Answered:
        running = json.dumps({"request": request})
        if await self._store.command("SET", keys.repeat(name), running, "NX", "PX", _RUNNING_MS):
            return Claimed()
        kept = await self._store.command("GET", keys.repeat(name))
        if kept is None:
            return InProgress()
        found = json.loads(kept)
        if found["request"] != request:
            return OtherRequest()
        return Answered(found["text"], found["etag"]) if "text" in found else InProgress()

    async def keep(self, name: str, request: str, answered: Answered) -> None:
        kept = json.dumps({"request": request, "text": answered.text, "etag": answered.etag})
        await self._store.command("SET", keys.repeat(name), kept, "PX", _KEPT_MS)

    async def forget(self, name: str) -> None:
        await self._store.command("DEL", keys.repeat(name))
