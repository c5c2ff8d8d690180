"""Virtual keys in the store: a record for each, and a digest that leads to it.

What was read last of a key is remembered in the process, for whoever has the store compare its revision before anything
follows from it; everybody else reads the record every time, because a revocation counts from the next request. The
record says which digests open the key, so a digest it no longer names opens nothing: a rotated key keeps its id and
names two, that of its newest secret and that of the one before.
"""

from typing import Final

from pydantic import TypeAdapter

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store
from gateway.adapters.redis.key_index import put_arguments
from gateway.core.principal import VirtualKey

_PUT: Final = Script("put_key")
_RECORD: Final = TypeAdapter(VirtualKey)
_REMEMBERED: Final = 50_000


class RedisVirtualKeys:
    """Implements `ports.VirtualKeys`."""

    def __init__(self, store: Store, remember: int = _REMEMBERED) -> None:
        self._store = store
        self._remember = remember
        self._known: dict[str, VirtualKey] = {}

    def remembered(self, digest: str) -> VirtualKey | None:
        return self._known.get(digest)

    async def by_digest(self, digest: str) -> VirtualKey | None:
        known = self._known.get(digest)
        key_id = known.id if known is not None else await self._find(digest)
        key = None if key_id is None else await self.get(key_id)
        if key is None or digest not in key.digests:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= self._remember:
            del self._known[next(iter(self._known))]
        self._known[digest] = key
        return key

    async def _find(self, digest: str) -> str | None:
        found = await self._store.command("GET", keys.digest(digest))
        return None if found is None else str(found.decode())

    async def get(self, key_id: str) -> VirtualKey | None:
        record = await self._store.command("HGET", keys.key(key_id), "record")
        key = None if record is None else _RECORD.validate_json(record)
        if key is not None:
            self._known.update({digest: key for digest in key.digests if digest in self._known})
        return key

    async def put(self, key: VirtualKey) -> bool:
        lists, listed = put_arguments(key)
        names = [keys.key(key.id), keys.digest(key.digest), *lists]
        reply = await self._store.run(_PUT, names, [key.id, key.revision, _RECORD.dump_json(key), *listed])
        return bool(reply[0] == b"written")
