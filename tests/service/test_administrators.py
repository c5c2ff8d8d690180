"""Admin keys on a real store: what is issued opens the control plane, as what it was issued for, until it does not."""

from datetime import timedelta

import pytest

from gateway.adapters.redis.admin_keys import RedisAdminKeys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.admin_key import AdminTerms
from gateway.core.current import Current
from gateway.core.key_secret import ENTROPY_BYTES, Kind, Peppers, kind_of, mint
from gateway.core.key_terms import Objection
from gateway.core.role import Administrator, Role
from gateway.service.administrators import BOOTSTRAP, Administrators, IssuedAdmin
from gateway.service.keyring import NoSuchKey, UnknownTeam
from gateway.service.policy_desk import PolicyDesk
from tests.doubles import SeededEntropy, StillClock, compile_plainly, policy_files

OWN = mint(Kind.ADMIN, SeededEntropy("bootstrap").token(ENTROPY_BYTES))
TERMS = AdminTerms("ada", Role.OPERATOR, None, None)


@pytest.fixture
async def administrators(store: Store) -> Administrators:
    desk = PolicyDesk(RedisPolicies(store), compile_plainly, "acme")
    await desk.publish(policy_files("video"), ())
    return Administrators(
        RedisAdminKeys(store),
        desk,
        StillClock(),
        SeededEntropy(),
        Current(Peppers(2, {1: b"old", 2: b"new"})),
        Current(OWN),
    )


async def issued(administrators: Administrators, terms: AdminTerms = TERMS) -> IssuedAdmin:
    made = await administrators.issue(terms)
    assert isinstance(made, IssuedAdmin)
    return made


async def test_the_key_of_the_settings_owns_everything(administrators: Administrators) -> None:
    assert await administrators.recognise(OWN) == BOOTSTRAP
    assert BOOTSTRAP.role is Role.OWNER


async def test_what_is_no_admin_key_opens_nothing(administrators: Administrators) -> None:
    made_up = mint(Kind.ADMIN, SeededEntropy("made up").token(ENTROPY_BYTES))
    for secret in (OWN[:-1], made_up, mint(Kind.LIVE, SeededEntropy("x").token(ENTROPY_BYTES)), "", "ключ"):
        assert await administrators.recognise(secret) is None


async def test_an_issued_key_opens_as_what_it_is_for(administrators: Administrators) -> None:
    made = await issued(administrators, AdminTerms("lea", Role.TEAM_LEAD, "video", None))
    assert kind_of(made.secret) is Kind.ADMIN
    assert made.secret not in repr(made)
    assert await administrators.recognise(made.secret) == Administrator(made.key.id, "lea", Role.TEAM_LEAD, "video")
    assert await administrators.list() == (made.key,)


async def test_a_key_digested_under_an_older_pepper_still_opens(administrators: Administrators, store: Store) -> None:
    older = Administrators(
        RedisAdminKeys(store),
        administrators.desk,
        StillClock(),
        SeededEntropy("o"),
        Current(Peppers(1, {1: b"old"})),
        Current(OWN),
    )
    made = await issued(older)
    assert await administrators.recognise(made.secret) == made.key.administrator


async def test_a_revoked_key_opens_nothing_and_stays_on_record(administrators: Administrators) -> None:
    made = await issued(administrators)
    for _ in range(2):
        revoked = await administrators.revoke(made.key.id)
        assert not isinstance(revoked, NoSuchKey)
        assert (revoked.revoked_at, revoked.revision) == (administrators.clock.now(), 2)
    assert await administrators.recognise(made.secret) is None
    assert await administrators.list() == (revoked,)
    assert await administrators.revoke("adm_none") == NoSuchKey("adm_none")


async def test_a_key_opens_until_it_expires(store: Store, administrators: Administrators) -> None:
    clock = StillClock()
    later = Administrators(
        administrators.keys, administrators.desk, clock, SeededEntropy("e"), administrators.peppers, Current(OWN)
    )
    made = await issued(later, AdminTerms("ada", Role.VIEWER, None, clock.now() + timedelta(hours=1)))
    assert await later.recognise(made.secret) is not None
    clock.advance(timedelta(hours=1))
    assert await later.recognise(made.secret) is None


async def test_what_cannot_be_is_not_issued(administrators: Administrators) -> None:
    assert isinstance(await administrators.issue(AdminTerms("", Role.VIEWER, None, None)), Objection)
    lead = AdminTerms("lea", Role.TEAM_LEAD, "nobody", None)
    assert await administrators.issue(lead) == UnknownTeam("nobody")
    assert await administrators.list() == ()
