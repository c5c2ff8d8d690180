"""A ring of keys as tests need one."""

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.current import Current
from gateway.core.key_list import KeysWanted
from gateway.core.key_secret import Peppers
from gateway.core.principal import VirtualKey
from gateway.ports import Clock
from gateway.service.key_uses import KeyUses
from gateway.service.keyring import Keyring
from gateway.service.policy_desk import PolicyDesk
from tests.doubles import SeededEntropy


def ring(store: Store, desk: PolicyDesk, clock: Clock) -> Keyring:
    """One whose secrets are always the same."""
    peppers = Current(Peppers(1, {1: b"pepper"}))
    return Keyring(RedisVirtualKeys(store), desk, clock, SeededEntropy(), peppers, KeyUses(RedisKeyIndex(store)))


async def listed(ring: Keyring, team: str | None = None) -> list[VirtualKey]:
    """The keys of a team, or all, the oldest first."""
    page = await ring.uses.index.page(KeysWanted(team=team), ring.clock.now())
    assert page.following is None
    return [row.key for row in page.rows]
