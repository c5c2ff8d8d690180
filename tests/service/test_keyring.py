"""The keyring on a real store: what is issued opens the door, until it does not."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.redis.virtual_keys import RedisVirtualKeys
from gateway.core.current import Current
from gateway.core.key_secret import Kind, Peppers, kind_of, mint
from gateway.core.key_terms import KeyTerms, Objection
from gateway.core.principal import KeyFault, KeyRefused, Principal, Scope, VirtualKey
from gateway.ports import StoreUnavailable
from gateway.service.keyring import ChangedMeanwhile, Issued, Keyring, NoSuchKey, Revoked, UnknownTeam, Unrecognised
from gateway.service.policy_desk import PolicyDesk
from tests.doubles import NOON, SeededEntropy, StillClock, compile_plainly, policy_files
from tests.rings import listed, ring

TERMS = KeyTerms("video", "render farm")
HOME = ip_address("192.0.2.7")


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def desk(store: Store) -> PolicyDesk:
    desk = PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    await desk.publish(policy_files("video", "audio"), ())
    return desk


@pytest.fixture
def keyring(store: Store, desk: PolicyDesk, clock: StillClock) -> Keyring:
    return ring(store, desk, clock)


async def issued(keyring: Keyring, terms: KeyTerms = TERMS) -> Issued:
    made = await keyring.issue(terms)
    assert isinstance(made, Issued)
    return made


async def admitted(keyring: Keyring, secret: str, scope: Scope | None = Scope.SUBMIT_JOB) -> object:
    """The key that the secret opened, or why it did not."""
    found = await keyring.admit(secret, scope, HOME)
    return found.key if isinstance(found, Principal) else found


async def test_an_issued_key_opens_the_door(keyring: Keyring) -> None:
    made = await issued(keyring)
    assert await keyring.admit(made.secret, Scope.SUBMIT_JOB, HOME) == Principal("acme", made.key, made.key.digest)


async def test_a_key_is_issued_on_its_terms(keyring: Keyring, clock: StillClock) -> None:
    terms = KeyTerms(
        team="audio",
        name="Köln",
        scopes=frozenset({Scope.LIST_MODELS}),
        models=("kling/*",),
        networks=(ip_network("192.0.2.0/24"),),
        expires_at=clock.now() + timedelta(days=90),
        test=True,
        project="P-1",
        tags={"a": "b"},
    )
    key = (await issued(keyring, terms)).key
    same = ("team", "name", "scopes", "models", "networks", "expires_at", "test", "project", "tags")
    assert {name: getattr(key, name) for name in same} == {name: getattr(terms, name) for name in same}
    assert (key.created_at, key.revoked_at, key.revision) == (NOON, None, 1)


@pytest.mark.parametrize(("test", "kind"), [(False, Kind.LIVE), (True, Kind.TEST)])
async def test_a_test_key_is_told_from_a_live_one_by_its_secret(keyring: Keyring, test: bool, kind: Kind) -> None:
    made = await issued(keyring, replace(TERMS, test=test))
    assert kind_of(made.secret) is kind
    assert made.secret.endswith(made.key.last_four)


async def test_the_secret_is_nowhere_in_the_store_nor_in_what_is_printed(keyring: Keyring, store: Store) -> None:
    made = await issued(keyring)
    assert made.secret not in repr(made)

    everything = b""
    async for name in store.client.scan_iter():
        everything += name + (await store.client.dump(name) or b"")
    assert made.key.id.encode() in everything
    assert made.secret.encode() not in everything
    assert made.secret[10:40].encode() not in everything


async def test_no_two_keys_are_alike(keyring: Keyring) -> None:
    made = await asyncio.gather(*(issued(keyring) for _ in range(20)))
    assert len({one.secret for one in made}) == len({one.key.id for one in made}) == 20


async def test_entropy_that_repeats_itself_overwrites_no_key(keyring: Keyring) -> None:
    made = await issued(keyring)
    broken = replace(keyring, entropy=SeededEntropy())
    with pytest.raises(RuntimeError, match="entropy"):
        await broken.issue(replace(TERMS, team="audio"))
    assert await keyring.show(made.key.id) == made.key


async def test_a_team_that_no_policy_names_gets_no_key(keyring: Keyring) -> None:
    assert await keyring.issue(replace(TERMS, team="ghosts")) == UnknownTeam("ghosts")
    assert await listed(keyring) == []


async def test_a_team_that_was_just_applied_elsewhere_gets_one(keyring: Keyring, store: Store) -> None:
    elsewhere = PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    await elsewhere.publish(policy_files("video", "audio", "image"), ())
    made = await issued(keyring, replace(TERMS, team="image"))
    assert await admitted(keyring, made.secret) == made.key


async def test_its_key_opens_the_door_where_the_team_was_not_heard_of_yet(keyring: Keyring, store: Store) -> None:
    desk = PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    await desk.publish(policy_files("video", "audio", "image"), ())
    made = await issued(replace(keyring, desk=desk), replace(TERMS, team="image"))
    assert not keyring.desk.knows_team("image")
    assert await admitted(keyring, made.secret) == made.key


async def test_without_policies_no_team_is_known(store: Store, clock: StillClock) -> None:
    desk = PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    keyring = ring(store, desk, clock)
    assert await keyring.issue(TERMS) == UnknownTeam("video")


async def test_terms_that_make_no_sense_make_no_key(keyring: Keyring, clock: StillClock) -> None:
    refused = await keyring.issue(replace(TERMS, expires_at=clock.now()))
    assert isinstance(refused, Objection)
    assert refused.field == "expires_at"
    assert await listed(keyring) == []


async def test_keys_are_listed_by_team_revoked_ones_too(keyring: Keyring, clock: StillClock) -> None:
    made: list[VirtualKey] = []
    for team in ("video", "audio", "video"):
        made.append((await issued(keyring, replace(TERMS, team=team))).key)
        clock.advance(timedelta(minutes=1))
    await keyring.revoke(made[0].id)

    assert [key.id for key in await listed(keyring)] == [key.id for key in made]
    assert [key.id for key in await listed(keyring, "video")] == [made[0].id, made[2].id]
    assert await listed(keyring, "ghosts") == []


async def test_a_key_is_shown_by_its_id(keyring: Keyring) -> None:
    made = await issued(keyring)
    assert await keyring.show(made.key.id) == made.key
    assert await keyring.show("key_none") == NoSuchKey("key_none")


async def test_a_revoked_key_is_refused_from_the_next_request_and_stays_on_record(
    keyring: Keyring, clock: StillClock
) -> None:
    made = await issued(keyring)
    assert await admitted(keyring, made.secret) == made.key

    clock.advance(timedelta(hours=1))
    revoked = replace(made.key, revoked_at=clock.now(), revision=2)
    assert await keyring.revoke(made.key.id) == Revoked(revoked, changed=True)
    assert await admitted(keyring, made.secret) == KeyRefused(KeyFault.REVOKED)
    assert await keyring.show(made.key.id) == revoked


async def test_revoking_twice_changes_nothing(keyring: Keyring, clock: StillClock) -> None:
    made = await issued(keyring)
    first = await keyring.revoke(made.key.id)
    clock.advance(timedelta(hours=1))
    assert isinstance(first, Revoked)
    assert await keyring.revoke(made.key.id) == Revoked(first.key, changed=False)


async def test_of_many_revocations_at_once_one_changes_the_key(keyring: Keyring) -> None:
    made = await issued(keyring)
    said = await asyncio.gather(*(keyring.revoke(made.key.id) for _ in range(20)))
    assert [one.changed for one in said if isinstance(one, Revoked)].count(True) == 1
    shown = await keyring.show(made.key.id)
    assert isinstance(shown, VirtualKey)
    assert shown.revision == 2


async def test_what_does_not_exist_cannot_be_revoked(keyring: Keyring) -> None:
    assert await keyring.revoke("key_none") == NoSuchKey("key_none")


async def test_a_key_that_always_changes_is_not_said_to_be_revoked(keyring: Keyring, store: Store) -> None:
    class Restless(RedisVirtualKeys):
        async def put(self, key: VirtualKey) -> bool:
            return False

    made = await issued(keyring)
    restless = replace(keyring, keys=Restless(store))
    with pytest.raises(StoreUnavailable):
        await restless.revoke(made.key.id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "toll_live_",
        "pb_0123456789",
        mint(Kind.LIVE, bytes(64)),
        mint(Kind.ADMIN, bytes(64)),
        mint(Kind.LIVE, bytes(64))[:-1] + "0",
    ],
)
async def test_what_we_did_not_issue_is_not_recognised(keyring: Keyring, text: str) -> None:
    await issued(keyring)
    assert await admitted(keyring, text) == Unrecognised()


@pytest.mark.parametrize("text", ["toll_live_" + "0" * 36, mint(Kind.ADMIN, bytes(64)), "x" * 100_000])
async def test_what_has_not_the_form_is_not_looked_up(keyring: Keyring, store: Store, text: str) -> None:
    class Untouchable(RedisVirtualKeys):
        async def by_digest(self, digest: str) -> VirtualKey | None:
            raise AssertionError(f"{digest} was looked up")

    unasked = replace(keyring, keys=Untouchable(store))
    assert await admitted(unasked, text) == Unrecognised()


async def test_a_key_is_recognised_under_the_pepper_it_was_issued_with(keyring: Keyring) -> None:
    old = await issued(keyring)
    renewed = replace(keyring, peppers=Current(Peppers(2, {1: b"pepper", 2: b"new"})), entropy=SeededEntropy("later"))
    new = await issued(renewed)

    assert (old.key.pepper_version, new.key.pepper_version) == (1, 2)
    assert await admitted(renewed, old.secret) == old.key
    assert await admitted(renewed, new.secret) == new.key
    assert await admitted(keyring, new.secret) == Unrecognised()


async def test_scope_address_and_expiry_are_checked(keyring: Keyring, clock: StillClock) -> None:
    made = await issued(
        keyring,
        replace(
            TERMS,
            scopes=frozenset({Scope.CHECK_STATUS}),
            networks=(ip_network("192.0.2.0/24"),),
            expires_at=clock.now() + timedelta(days=1),
        ),
    )
    elsewhere = ip_address("198.51.100.1")
    assert await admitted(keyring, made.secret, Scope.SUBMIT_JOB) == KeyRefused(KeyFault.SCOPE, Scope.SUBMIT_JOB)
    assert await admitted(keyring, made.secret, Scope.CHECK_STATUS) == made.key
    assert await keyring.admit(made.secret, None, elsewhere) == KeyRefused(KeyFault.ADDRESS)
    clock.advance(timedelta(days=1))
    assert await admitted(keyring, made.secret, None) == KeyRefused(KeyFault.EXPIRED)


async def test_a_key_of_a_removed_team_is_refused(keyring: Keyring, desk: PolicyDesk) -> None:
    made = await issued(keyring)
    await desk.publish(policy_files("audio"), ("video",))
    assert await admitted(keyring, made.secret) == KeyRefused(KeyFault.TEAM_REMOVED)


async def test_before_any_policies_were_read_nobody_is_turned_away_for_good(keyring: Keyring, store: Store) -> None:
    made = await issued(keyring)
    await store.command("DEL", keys.POLICY)
    starting = replace(keyring, desk=PolicyDesk(RedisPolicies(store), compile_plainly, "acme"))
    with pytest.raises(StoreUnavailable):
        await admitted(starting, made.secret)


async def test_a_submit_that_was_overtaken_sees_the_key_as_it_is_now(keyring: Keyring, clock: StillClock) -> None:
    made = await issued(keyring)
    principal = Principal("acme", made.key, made.key.digest)
    assert await keyring.recheck(principal, HOME, clock.now()) == principal

    await keyring.revoke(made.key.id)
    assert await keyring.recheck(principal, HOME, clock.now()) == KeyRefused(KeyFault.REVOKED)
    lost = Principal("acme", made.key, "digest-of-none")
    assert await keyring.recheck(lost, HOME, clock.now()) == KeyRefused(KeyFault.REPLACED)


async def test_a_key_that_was_rotated_since_it_was_seen_is_not_revoked(keyring: Keyring) -> None:
    made = await issued(keyring)
    rotated = await keyring.rotate(made.key, timedelta(hours=1))
    assert isinstance(rotated, Issued)
    assert await keyring.revoke(made.key.id, made.key.revision) == ChangedMeanwhile(made.key.id)
    assert await admitted(keyring, rotated.secret) == rotated.key
    assert isinstance(await keyring.revoke(made.key.id, rotated.key.revision), Revoked)
