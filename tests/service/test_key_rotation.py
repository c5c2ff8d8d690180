"""Rotated keys on a real store: whatever is done to them, exactly the secrets that should open them do."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.current import Current
from gateway.core.key_secret import Peppers
from gateway.core.key_terms import KeyTerms
from gateway.core.principal import KeyFault, KeyRefused, Principal, Scope, VirtualKey
from gateway.service.keyring import ChangedMeanwhile, Issued, Keyring, NotActive, Unrecognised
from gateway.service.policy_desk import PolicyDesk
from tests import rings
from tests.doubles import StillClock, compile_plainly, policy_files

HOUR = timedelta(hours=1)
PICK = st.integers(0, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("issue"), st.sampled_from([None, 1, 3])),
        st.tuples(st.just("rotate"), PICK, st.sampled_from([0, 1, 2])),
        st.tuples(st.just("revoke"), PICK),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0])),
    ),
    max_size=14,
)


@dataclass(slots=True)
class Model:
    """What a key should be: every secret it ever had, the newest last."""

    id: str
    expires_at: datetime | None
    secrets: list[str]
    revoked: bool = False
    grace_ends: datetime | None = None

    def active(self, now: datetime) -> bool:
        return not self.revoked and (self.expires_at is None or now < self.expires_at)

    def expected(self, secret: str, now: datetime) -> object:
        """What presenting the secret comes to: the key's id, or why not."""
        if secret not in self.secrets[-2:]:
            return Unrecognised()
        if self.revoked:
            return KeyRefused(KeyFault.REVOKED)
        old = secret != self.secrets[-1]
        if not self.active(now) or (old and self.grace_ends is not None and self.grace_ends <= now):
            return KeyRefused(KeyFault.EXPIRED)
        return self.id


@dataclass(slots=True)
class World:
    """Two gateways on one store, each with what it remembers, and the model of each key."""

    gateways: tuple[Keyring, Keyring]
    clock: StillClock
    keys: list[Model] = field(default_factory=list)

    async def step(self, verb: str, *more: Any) -> None:
        now, ring = self.clock.now(), self.gateways[0]
        if verb == "wait":
            return self.clock.advance(more[0] * HOUR)
        if verb == "issue":
            ends = None if more[0] is None else now + more[0] * HOUR
            made = await ring.issue(KeyTerms("video", "x", expires_at=ends))
            assert isinstance(made, Issued)
            return self.keys.append(Model(made.key.id, ends, [made.secret]))
        if self.keys:
            model = self.keys[more[0] % len(self.keys)]
            await (self._revoke(ring, model) if verb == "revoke" else self._rotate(ring, model, more[1] * HOUR))
        return None

    async def _revoke(self, ring: Keyring, model: Model) -> None:
        await ring.revoke(model.id)
        model.revoked = True

    async def _rotate(self, ring: Keyring, model: Model, grace: timedelta) -> None:
        seen = await ring.show(model.id)
        assert isinstance(seen, VirtualKey)
        told = await ring.rotate(seen, grace)
        if not model.active(self.clock.now()):
            assert told == NotActive(model.id)
            return
        assert isinstance(told, Issued)
        assert (told.key.id, told.key.revision) == (seen.id, seen.revision + 1)
        model.secrets.append(told.secret)
        model.grace_ends = self.clock.now() + grace

    async def check(self) -> None:
        for model in self.keys:
            for secret in model.secrets:
                for ring in self.gateways:
                    expected = model.expected(secret, self.clock.now())
                    assert await self._express(ring, secret) == expected
                    assert opened(await ring.admit(secret, None, None)) == expected

    async def _express(self, ring: Keyring, secret: str) -> object:
        """As a submit does: by what is remembered if the store, comparing revisions, agrees; else by a new look."""
        known = ring.remembered(secret, Scope.SUBMIT_JOB, None)
        if known is None:
            return opened(await ring.admit(secret, Scope.SUBMIT_JOB, None))
        stored = await ring.show(known.key.id)
        assert isinstance(stored, VirtualKey)
        if stored.revision == known.key.revision:
            return opened(known)
        told = opened(await ring.recheck(known, None, self.clock.now()))
        return Unrecognised() if told == KeyRefused(KeyFault.REPLACED) else told


def opened(told: object) -> object:
    return told.key.id if isinstance(told, Principal) else told


async def world_on(store: Store) -> World:
    clock, desk = StillClock(), PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    await desk.publish(policy_files("video"), ())
    one = rings.ring(store, desk, clock)
    return World((one, replace(one, keys=RedisVirtualKeys(store))), clock)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(STEPS)
async def test_whatever_happens_exactly_the_right_secrets_open_a_key(
    store: Store, steps: list[tuple[Any, ...]]
) -> None:
    await store.client.flushall()
    world = await world_on(store)
    await world.step("issue", None)
    for step in steps:
        await world.step(*step)
        await world.check()


async def test_of_many_rotations_of_what_was_seen_one_is_done(store: Store) -> None:
    world = await world_on(store)
    ring = world.gateways[0]
    made = await ring.issue(KeyTerms("video", "x"))
    assert isinstance(made, Issued)
    told = await asyncio.gather(*(ring.rotate(made.key, HOUR) for _ in range(20)))
    done = [one for one in told if isinstance(one, Issued)]
    assert len(done) == 1
    assert told.count(ChangedMeanwhile(made.key.id)) == 19
    assert await ring.show(made.key.id) == done[0].key


async def test_a_rotated_secret_is_under_the_pepper_of_now_and_nowhere_in_the_store(store: Store) -> None:
    world = await world_on(store)
    old_ring = world.gateways[0]
    made = await old_ring.issue(KeyTerms("video", "x"))
    assert isinstance(made, Issued)
    ring = replace(old_ring, peppers=Current(Peppers(2, {1: b"pepper", 2: b"new"})))
    rotated = await ring.rotate(made.key, HOUR)
    assert isinstance(rotated, Issued)
    assert rotated.key.previous is not None
    assert (rotated.key.pepper_version, rotated.key.previous.pepper_version) == (2, 1)
    for secret in (made.secret, rotated.secret):
        assert opened(await ring.admit(secret, None, None)) == made.key.id
    everything = b"".join([await store.client.dump(name) or b"" async for name in store.client.scan_iter()])
    assert rotated.secret[10:40].encode() not in everything
