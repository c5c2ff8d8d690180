"""Admin keys in the store: a record for each, and a digest that leads to it, written by the script of virtual keys."""

import asyncio
from typing import Final

from pydantic import TypeAdapter

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.admin_key import AdminKey

_PUT: Final = Script("put_key")
_RECORD: Final = TypeAdapter(AdminKey)


class RedisAdminKeys:
    """Implements `ports.administration.AdminKeys`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def by_digest(self, digest: str) -> AdminKey | None:
        key_id = await self._store.command("GET", keys.admin_digest(digest))
        key = None if key_id is None else await self.get(key_id.decode())
        return key if key is not None and key.digest == digest else None

    async def get(self, key_id: str) -> AdminKey | None:
        record = await self._store.command("HGET", keys.admin_key(key_id), "record")
        return None if record is None else _RECORD.validate_json(record)

    async def all(self) -> tuple[AdminKey, ...]:
        ids = await self._store.command("ZRANGE", keys.ADMIN_KEYS, 0, -1)
        found = await asyncio.gather(*(self.get(key_id.decode()) for key_id in ids))
        return tuple(key for key in found if key is not None)

    async def put(self, key: AdminKey) -> bool:
        listed = (codec.micros(key.created_at), key.id)
        names = [keys.admin_key(key.id), keys.admin_digest(key.digest), keys.ADMIN_KEYS]
        reply = await self._store.run(_PUT, names, [key.id, key.revision, _RECORD.dump_json(key), *listed])
        return bool(reply[0] == b"written")
