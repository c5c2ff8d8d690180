"""The store's first start: the epoch, which makes an emptied store closed instead of generous."""

from dataclasses import dataclass
from typing import Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.export import BACKLOG
from gateway.ports import StoreUnavailable

_INITIALISE: Final = Script("initialise")
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store is: its epoch, and the one organization it serves."""

    epoch: str
    organization: str


async def identity(store: Store) -> Identity | None:
    """The identity of an initialised store, else None. Raises StoreUnavailable."""
    epoch, organization = await store.command("HMGET", keys.STORE, "epoch", "organization")
    if epoch is None or organization is None:
        return None
    return Identity(epoch.decode(), organization.decode())


async def leftover(store: Store) -> str | None:
    """A key of ours in the store besides its identity; None where there is none. Raises StoreUnavailable.

    Who lives is written down by itself, and is nothing that could be lost.
    """
    cursor = 0
    while True:
        reply = await store.command("SCAN", cursor, "MATCH", keys.EVERY, "COUNT", _AT_ONCE)
        found: set[str] = {name.decode() for name in reply[1]} - {keys.STORE, keys.GATEWAYS}
        if found:
            return min(found)
        cursor = int(reply[0])
        if cursor == 0:
            return None


async def initialise(store: Store, fresh: Identity) -> Identity:
    """Make a fresh store ours, or learn whose it is: of several starting at once, one sets the epoch and all get it.

    Raises StoreUnavailable, also when the store lost its epoch but not its entries.
    """
    reply = await store.run(_INITIALISE, [keys.STORE, keys.ENTRIES], [fresh.epoch, fresh.organization, BACKLOG])
    if reply[0] != b"known":
        raise StoreUnavailable("the store has entries and no epoch: it lost part of what it knew")
    return Identity(reply[1].decode(), reply[2].decode())
