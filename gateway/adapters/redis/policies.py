"""Policy versions in the store: immutable uploads, their history, and the pointer that every hold compares."""

import json

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.policy_version import Applied, Signature, decode_applied, encode_applied
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
        policy = await self.version(version)
        if policy is None:
            raise StoreUnavailable(f"the live policy version {version} is missing from the store")
        return policy

    async def version(self, version: str) -> PolicyVersion | None:
        content = await self._store.command("GET", keys.policy(version))
        return None if content is None else PolicyVersion(version, json.loads(content))

    async def history(self) -> tuple[Applied, ...]:
        lines = await self._store.command("XRANGE", keys.POLICY_HISTORY, "-", "+")
        return tuple(decode_applied(fields[b"line"]) for _, fields in reversed(lines))

    async def publish(self, policy: PolicyVersion, replaces: str | None, signature: Signature) -> bool:
        names = [keys.POLICY, keys.policy(policy.version), keys.POLICY_HISTORY]
        line = encode_applied(Applied(policy.version, replaces, signature))
        content = json.dumps(dict(policy.files), sort_keys=True)
        reply = await self._store.run(_PUBLISH, names, [policy.version, content, replaces or "", line])
        return bool(reply[0] == b"published")
