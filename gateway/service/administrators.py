"""Who may ask the control plane: the holder of the bootstrap key, who owns it, and of the admin keys we issued.

The rule of this file: a secret is returned once, when it is made, and never kept; a key is read for every request.
"""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.core.admin_key import AdminKey, AdminTerms, objection
from gateway.core.current import Current
from gateway.core.key_secret import ENTROPY_BYTES, Kind, Peppers, digest, digests, kind_of, mint, public_id
from gateway.core.key_terms import Objection
from gateway.core.role import Administrator, Role
from gateway.ports import Clock, Entropy, StoreUnavailable
from gateway.ports.administration import AdminKeys
from gateway.service.keyring import NoSuchKey, UnknownTeam
from gateway.service.policy_desk import PolicyDesk

# Whoever has the key of the settings.
BOOTSTRAP: Final = Administrator("bootstrap", "bootstrap", Role.OWNER)
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class IssuedAdmin:
    """A new key, and its secret: whoever drops the secret has lost it."""

    key: AdminKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Administrators:
    """`bootstrap` is the secret of the settings. Every method raises StoreUnavailable."""

    keys: AdminKeys
    desk: PolicyDesk
    clock: Clock
    entropy: Entropy
    peppers: Current[Peppers]
    bootstrap: Current[str]

    async def recognise(self, secret: str) -> Administrator | None:
        """Whose secret this is. The bootstrap key opens also when the store does not answer."""
        if kind_of(secret) is not Kind.ADMIN:
            return None
        if hmac.compare_digest(_fingerprint(secret), _fingerprint(self.bootstrap.value)):
            return BOOTSTRAP
        for one in digests(secret, self.peppers.value):
            key = await self.keys.by_digest(one)
            if key is not None:
                return key.administrator if key.opens(self.clock.now()) else None
        return None

    async def issue(self, terms: AdminTerms) -> IssuedAdmin | Objection | UnknownTeam:
        now = self.clock.now()
        if (wrong := objection(terms, now)) is not None:
            return wrong
        if terms.team is not None:
            await self.desk.refresh()
            if self.desk.current is None or not self.desk.knows_team(terms.team):
                return UnknownTeam(terms.team)
        secret, peppers = mint(Kind.ADMIN, self.entropy.token(ENTROPY_BYTES)), self.peppers.value
        key = AdminKey(
            id=public_id(self.entropy.token(ENTROPY_BYTES), "adm_"),
            name=terms.name,
            role=terms.role,
            team=terms.team,
            digest=digest(secret, peppers.versions[peppers.current]),
            pepper_version=peppers.current,
            last_four=secret[-4:],
            created_at=now,
            expires_at=terms.expires_at,
            revoked_at=None,
            revision=1,
        )
        if not await self.keys.put(key):
            raise RuntimeError("a new key has the id or digest of an old one: the source of entropy repeats itself")
        return IssuedAdmin(key, secret)

    async def list(self) -> tuple[AdminKey, ...]:
        """All of them, revoked ones too, the oldest first."""
        return await self.keys.all()

    async def revoke(self, key_id: str) -> AdminKey | NoSuchKey:
        """Make a key useless from the next request on; a second time changes nothing."""
        for _ in range(_ATTEMPTS):
            key = await self.keys.get(key_id)
            if key is None:
                return NoSuchKey(key_id)
            if key.revoked_at is not None:
                return key
            revoked = replace(key, revoked_at=self.clock.now(), revision=key.revision + 1)
            if await self.keys.put(revoked):
                return revoked
        raise StoreUnavailable(f"{key_id} changed every time it was about to be revoked")


def _fingerprint(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8")).digest()
