"""Policy versions in the store: immutable uploads, and the pointer to the live one that every hold compares."""

import json

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store
from gateway.ports import PolicyVersion, StoreUnavailable

_PUBLISH = Script("publish")


class RedisPolicies:
    """Implements `ports.Policies`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def live_version(self) -> str | None:
        version = await self._store.command("GET", keys.POLICY)
        return version.decode() if version else None

    async def live(self) -> PolicyVersion | None:
        version = await self.live_version()
        if version is None:
            return None
        content = await self._store.command("GET", keys.policy(version))
        if content is None:
            raise StoreUnavailable(f"the live policy version {version} is missing from the store")
        return PolicyVersion(version, json.loads(content))

    async def publish(self, policy: PolicyVersion, replaces: str | None) -> bool:
        names = [keys.POLICY, keys.policy(policy.version)]
        content = json.dumps(dict(policy.files), sort_keys=True)
        reply = await self._store.run(_PUBLISH, names, [policy.version, content, replaces or ""])
        return bool(reply[0] == b"published")
