"""Virtual keys: issued, shown, rotated, revoked, and recognised when a request presents one.

The rule of this file: a secret is returned once, when it is made, and never kept; a key is read from the store for
every request, so that a revocation counts from the next one.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.core.current import Current
from gateway.core.key_secret import ENTROPY_BYTES, Kind, Peppers, digest, digests, kind_of, mint, public_id
from gateway.core.key_terms import KeyTerms, Objection, objection
from gateway.core.principal import Address, KeyFault, KeyRefused, Previous, Principal, Scope, VirtualKey, admit_key
from gateway.ports import Clock, Entropy, StoreUnavailable, VirtualKeys
from gateway.service.key_uses import KeyUses
from gateway.service.policy_desk import PolicyDesk

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and its secret: whoever drops the secret has lost it."""

    key: VirtualKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnknownTeam:
    """No live policy file names this team."""

    team: str


@dataclass(frozen=True, slots=True)
class NoSuchKey:
    """No key has this id."""

    id: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """The key as it is now; `changed` when it was not revoked before."""

    key: VirtualKey
    changed: bool


@dataclass(frozen=True, slots=True)
class NotActive:
    """The key is revoked or has expired: no secret opens it any more."""

    id: str


@dataclass(frozen=True, slots=True)
class ChangedMeanwhile:
    """The key is not as it was seen. Nothing was done."""

    id: str


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """The text is not a secret of the data plane, or opens no key of ours."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one organization. Every method that asks the store raises StoreUnavailable."""

    keys: VirtualKeys
    desk: PolicyDesk
    clock: Clock
    entropy: Entropy
    peppers: Current[Peppers]
    uses: KeyUses

    async def issue(self, terms: KeyTerms) -> Issued | UnknownTeam | Objection:
        """Make a key for a team of the policies that are live now."""
        now = self.clock.now()
        if (wrong := objection(terms, now)) is not None:
            return wrong
        await self.desk.refresh()
        if self.desk.current is None or not self.desk.knows_team(terms.team):
            return UnknownTeam(terms.team)
        secret, peppers = self._mint(terms.test), self.peppers.value
        key = VirtualKey(
            id=public_id(self.entropy.token(ENTROPY_BYTES)),
            team=terms.team,
            name=terms.name,
            digest=digest(secret, peppers.versions[peppers.current]),
            pepper_version=peppers.current,
            last_four=secret[-4:],
            scopes=terms.scopes,
            models=terms.models,
            networks=terms.networks,
            created_at=now,
            expires_at=terms.expires_at,
            revoked_at=None,
            revision=1,
            test=terms.test,
            project=terms.project,
            tags=terms.tags,
        )
        if not await self.keys.put(key):
            raise RuntimeError("a new key has the id or digest of an old one: the source of entropy repeats itself")
        return Issued(key, secret)

    async def show(self, key_id: str) -> VirtualKey | NoSuchKey:
        return await self.keys.get(key_id) or NoSuchKey(key_id)

    async def rotate(self, seen: VirtualKey, grace: timedelta) -> Issued | NotActive | ChangedMeanwhile:
        """Give the key, if it still is as it was `seen`, a new secret. The one it had opens it until `grace` is over;
        the one before that no longer opens anything."""
        now = self.clock.now()
        if seen.revoked_at is not None or (seen.expires_at is not None and seen.expires_at <= now):
            return NotActive(seen.id)
        secret, peppers = self._mint(seen.test), self.peppers.value
        rotated = replace(
            seen,
            digest=digest(secret, peppers.versions[peppers.current]),
            pepper_version=peppers.current,
            last_four=secret[-4:],
            previous=Previous(seen.digest, seen.pepper_version, seen.last_four, now + grace),
            revision=seen.revision + 1,
        )
        return Issued(rotated, secret) if await self.keys.put(rotated) else ChangedMeanwhile(seen.id)

    def _mint(self, test: bool) -> str:
        return mint(Kind.TEST if test else Kind.LIVE, self.entropy.token(ENTROPY_BYTES))

    async def revoke(self, key_id: str, revision: int | None = None) -> Revoked | NoSuchKey | ChangedMeanwhile:
        """Make a key useless from the next request on; with `revision`, only as it was seen then.

        The record stays; a second time changes nothing.
        """
        for _ in range(_ATTEMPTS):
            key = await self.keys.get(key_id)
            if key is None:
                return NoSuchKey(key_id)
            if revision not in (None, key.revision):
                return ChangedMeanwhile(key_id)
            if key.revoked_at is not None:
                return Revoked(key, changed=False)
            revoked = replace(key, revoked_at=self.clock.now(), revision=key.revision + 1)
            if await self.keys.put(revoked):
                return Revoked(revoked, changed=True)
        raise StoreUnavailable(f"{key_id} changed every time it was about to be revoked")

    async def admit(
        self, secret: str, scope: Scope | None, address: Address | None
    ) -> Principal | Unrecognised | KeyRefused:
        """Whose secret this is, if it may be used now, from `address`, for what needs `scope` (None: any key may)."""
        if kind_of(secret) in (Kind.LIVE, Kind.TEST):
            for one in digests(secret, self.peppers.value):
                if (key := await self.keys.by_digest(one)) is not None:
                    return await self._open(key, one, scope, address, self.clock.now())
        return Unrecognised()

    def remembered(self, secret: str, scope: Scope, address: Address | None) -> Principal | None:
        """Whose secret this was when its key was last read, if that key might be used now. Asks nobody.

        Only for a request that has the store compare the key's revision: see `confirm` for one that ends before.
        """
        for one in digests(secret, self.peppers.value) if secret.isascii() else ():
            key, now = self.keys.remembered(one), self.clock.now()
            if key is not None and admit_key(key, one, now, scope, address) is None:
                self.uses.note(key.id, now)
                return Principal(self.desk.organization, key, one) if self.desk.knows_team(key.team) else None
        return None

    async def recheck(self, principal: Principal, address: Address | None, now: datetime) -> Principal | KeyRefused:
        """Read the key of a submit once more, because it or the policies changed while the submit was decided."""
        key = await self.keys.by_digest(principal.digest)
        if key is None:
            return KeyRefused(KeyFault.REPLACED)
        return await self._open(key, principal.digest, Scope.SUBMIT_JOB, address, now)

    async def _open(
        self, key: VirtualKey, digest: str, scope: Scope | None, address: Address | None, now: datetime
    ) -> Principal | KeyRefused:
        refused = admit_key(key, digest, now, scope, address)
        if refused is not None:
            return refused
        self.uses.note(key.id, now)
        if not self.desk.knows_team(key.team):
            # The team may be newer than what was last read of the policies.
            await self.desk.refresh()
            if not self.desk.knows_team(key.team):
                return KeyRefused(KeyFault.TEAM_REMOVED)
        return Principal(self.desk.organization, key, digest)
