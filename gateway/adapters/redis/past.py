"""What ended long ago, by the indices that moves and the sweep itself keep, and its removal, one script for each.

The rule of this file: what goes was read first, and its script removes it only if it still is as it was read.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.adapters.redis.ledger import MAX_SKEW
from gateway.core.hold_record import decode_hold
from gateway.core.retention import ENDED, Swept, ended_at
from gateway.ports import StoreRefused

_SWEEP_HOLD: Final = Script("sweep_hold", "sweeping", "memory")
_SWEEP_ACCOUNT: Final = Script("sweep_account", "sweeping", "swept")
_ENDED: Final = "".join(f" {state} " for state in sorted(ENDED))


class RedisPast:
    """Implements `sweep.Past`."""

    def __init__(self, store: Store, max_skew: timedelta = MAX_SKEW) -> None:
        self._store = store
        self._max_skew_us = max_skew // timedelta(microseconds=1)

    async def sweep_holds(self, now: datetime, horizon: datetime, limit: int) -> Swept:
        found = await self._up_to(keys.ENDED, horizon, limit)
        pairs = zip(found[::2], found[1::2], strict=True)
        return await _all([self._sweep_hold(hold_id.decode(), noted, now, horizon) for hold_id, noted in pairs])

    async def sweep_accounts(self, now: datetime, horizon: datetime, limit: int) -> Swept:
        found = await self._up_to(keys.PAST_ACCOUNTS, horizon, limit)
        return await _all([self._sweep_account(name.decode(), now, horizon) for name in found[::2]])

    async def _up_to(self, index: str, horizon: datetime, limit: int) -> list[bytes]:
        """Members and scores, in turn."""
        scores = ("-inf", codec.micros(horizon), "BYSCORE", "LIMIT", 0, limit, "WITHSCORES")
        return list(await self._store.command("ZRANGE", index, *scores))

    async def _sweep_hold(self, hold_id: str, noted: bytes, now: datetime, horizon: datetime) -> bool:
        record, job = await self._store.command("HMGET", keys.hold(hold_id), "record", "job")
        if record is None:
            await self._store.command("ZREM", keys.ENDED, hold_id)
            return False
        hold, job_id = decode_hold(record), (job or b"").decode()
        ended = ended_at(hold, codec.instant(int(float(noted))))
        names = [keys.STORE, keys.ENDED, keys.hold(hold_id), keys.job(job_id), keys.memory(hold)]
        names += [keys.PAST_ACCOUNTS, keys.jobs(hold)]
        arguments: list[Argument] = [
            *self._limits(now, horizon),
            hold_id,
            job_id,
            _ENDED,
            "" if hold.idempotency is None else hold.idempotency.body,
            noted,
            codec.micros(ended),
        ]
        for charge in hold.charges:
            if charge.ends_at is not None:
                arguments += (codec.ends(charge.ends_at), charge.account)
        return _gone(await self._store.run(_SWEEP_HOLD, names, arguments))

    async def _sweep_account(self, name: str, now: datetime, horizon: datetime) -> bool:
        names = [keys.STORE, keys.PAST_ACCOUNTS, keys.account(name)]
        return _gone(await self._store.run(_SWEEP_ACCOUNT, names, [*self._limits(now, horizon), name]))

    def _limits(self, now: datetime, horizon: datetime) -> tuple[Argument, ...]:
        return codec.micros(now), self._max_skew_us, codec.micros(horizon)


def _gone(reply: list[bytes]) -> bool:
    if reply[0] == b"closed":
        raise StoreRefused(f"the store is {reply[1].decode()}")
    return reply[0] == b"swept"


async def _all(sweeps: Sequence[Awaitable[bool]]) -> Swept:
    """One that fails keeps no other from going; it is told of where nothing else can be done."""
    done = await asyncio.gather(*sweeps, return_exceptions=True)
    failures = [one for one in done if isinstance(one, BaseException)]
    if failures and len(failures) == len(done):
        raise failures[0]
    return Swept(len(done), sum(one is True for one in done))
