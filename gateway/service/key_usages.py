"""What a key is used for: what the ledger has of it, how its own limits stand, and when it was last used."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.core.account import AccountScope, Balance, Demand
from gateway.core.key_usage import Usage
from gateway.core.policy import demand
from gateway.core.principal import VirtualKey
from gateway.ports import Clock, Ledger, VirtualKeys
from gateway.ports.keys import KeyIndex
from gateway.service.keyring import NoSuchKey
from gateway.service.policy_desk import PolicyDesk

USUAL: Final = timedelta(days=30)


class KeyRecords(Protocol):
    """What the SQL ledger has. Raises ArchiveUnavailable, ArchiveRefused."""

    async def key_usage(self, key_id: str, since: datetime) -> Usage:
        """All that was admitted or refused from then on (UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class Used:
    """From `since` up to `until` (UTC), as far as it is exported; the limits are those that count this key alone."""

    key: VirtualKey
    since: datetime
    until: datetime
    used_in: datetime | None
    usage: Usage
    limits: tuple[tuple[Demand, Balance], ...]


@dataclass(frozen=True, slots=True)
class KeyUsages:
    """The use case and what it works with."""

    keys: VirtualKeys
    index: KeyIndex
    records: KeyRecords
    desk: PolicyDesk
    ledger: Ledger
    clock: Clock

    async def show(self, key_id: str, since: datetime | None) -> Used | NoSuchKey:
        """Of the last thirty days, if `since` is None. Raises StoreUnavailable, ArchiveUnavailable, ArchiveRefused."""
        key, now = await self.keys.get(key_id), self.clock.now()
        if key is None:
            return NoSuchKey(key_id)
        begin = now - USUAL if since is None else since
        found = await self.records.key_usage(key_id, begin)
        used_in = await self.index.used_in(key_id)
        return Used(key, begin, now, used_in, found, await self._limits(key, now))

    async def _limits(self, key: VirtualKey, now: datetime) -> tuple[tuple[Demand, Balance], ...]:
        await self.desk.refresh()
        policies = self.desk.rules.policies
        team, ours = policies.teams.get(key.team), policies.organization
        limits = (*ours.limits, *(team.limits if team else ()))
        mine = [demand(one, key.id, 0, ours.calendar, now, test=key.test) for one in limits if _is_own(one.scope)]
        balances = await self.ledger.balances([one.account for one in mine])
        return tuple(zip(mine, balances, strict=True))


def _is_own(scope: AccountScope) -> bool:
    return scope is AccountScope.KEY
