"""How the store is: whose it is, what is open in it, what its clock says, and whether it can keep what it is told."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import NEEDED
from gateway.core.key_list import SOON
from gateway.core.ledger import State
from gateway.core.store_condition import Condition
from gateway.ports import StoreUnavailable, Vitals

_DUE: Final = (State.HELD, State.IN_DOUBT)
_SECTIONS: Final = ("server", "replication", "persistence", "memory")


class RedisVitals:
    """Implements `ports.StoreVitals`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, now: datetime) -> Vitals:
        """The store's figures; the skew is `now` minus the store's clock. Raises StoreUnavailable."""
        command = self._store.command
        soon = (f"({codec.micros(now)}", codec.micros(now + SOON))
        (epoch, frozen, exported), (seconds, micros), counts, oldest, issued, expiring = await asyncio.gather(
            command("HMGET", keys.STORE, "epoch", "frozen", "exported"),
            command("TIME"),
            asyncio.gather(*(command("ZCARD", index) for index in keys.OPEN.values())),
            asyncio.gather(*(command("ZRANGE", keys.OPEN[state], 0, 0, "WITHSCORES") for state in _DUE)),
            command("ZCARD", keys.KEYS),
            command("ZCOUNT", keys.EXPIRING, *soon),
        )
        at = codec.micros(now)
        due = [at - int(float(scored[1])) for scored in oldest if scored]
        return Vitals(
            epoch=epoch.decode() if epoch else None,
            frozen=frozen is not None,
            holds={state: int(count) for state, count in zip(keys.OPEN, counts, strict=True)},
            oldest_due_seconds=max([0, *due]) / 1e6,
            clock_skew_seconds=(at - int(seconds) * 1_000_000 - int(micros)) / 1e6,
            keys=int(issued),
            keys_expiring=int(expiring),
            ledger_lag_seconds=await self._lag(int(exported or 0), at),
        )

    async def _lag(self, exported: int, now: int) -> float:
        """How long the oldest entry has waited that is not exported."""
        waiting = await self._store.command("XRANGE", keys.ENTRIES, f"({exported}-0", "+", "COUNT", 1)
        return max(0, now - int(waiting[0][1][b"at"])) / 1e6 if waiting else 0.0

    async def condition(self, now: datetime) -> Condition:
        command = self._store.command
        told, time, known = await asyncio.gather(
            command("INFO", *_SECTIONS),
            command("TIME"),
            command("SCRIPT", "EXISTS", *(script.sha for script in NEEDED)),
        )
        info = _fields(told)
        return Condition(
            version=str(info.get("redis_version", "unknown")),
            run=str(info.get("run_id", "")),
            role=str(info.get("role", "unknown")),
            eviction=str(info.get("maxmemory_policy", "unknown")),
            append_only=str(info.get("aof_enabled")) == "1",
            written=info.get("aof_last_write_status", "ok") == "ok",
            used=int(info.get("used_memory", 0)) - int(info.get("mem_not_counted_for_evict", 0)),
            limit=int(info.get("maxmemory", 0)),
            skew=now - codec.instant(int(time[0]) * 1_000_000 + int(time[1])),
            refused_script=None if all(known) else await self._load(),
        )

    async def _load(self) -> str | None:
        """Give the store our scripts, as after a restart of it; why it does not take them, if it does not."""
        try:
            await asyncio.gather(*(self._store.command("SCRIPT", "LOAD", script.text) for script in NEEDED))
        except StoreUnavailable as error:
            return str(error)
        return None


def _fields(told: Any) -> Mapping[str, Any]:
    """The lines `name:value` of an INFO reply; a client library may have read them already."""
    if isinstance(told, Mapping):
        return told
    lines = (line.partition(":") for line in told.decode().splitlines())
    return {name: value for name, colon, value in lines if colon}
