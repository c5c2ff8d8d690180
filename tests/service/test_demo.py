"""The key of a first visit."""

from gateway.adapters.redis.connection import Store
from gateway.core.principal import KeyFault, KeyRefused, Principal
from gateway.service.demo import TEAM, demo_key, retire_demo_key
from tests.rings import listed
from tests.service.workshop import workshop
from tests.walkthrough.policies import team


async def test_it_is_made_once_and_kept(store: Store) -> None:
    room = await workshop(store, team(slug=TEAM))
    first = await demo_key(room.keyring, None)
    assert first is not None
    assert await demo_key(room.keyring, first) == first
    assert [key.team for key in await listed(room.keyring)] == [TEAM]
    admitted = await room.keyring.admit(first, None, None)
    assert isinstance(admitted, Principal)
    # It spends the money of the team's real accounts, and may do everything.
    assert not admitted.key.test
    assert len(admitted.key.scopes) == 3


async def test_one_that_opens_nothing_any_more_is_replaced(store: Store) -> None:
    room = await workshop(store, team(slug=TEAM))
    first = await demo_key(room.keyring, None)
    assert first is not None
    [key] = await listed(room.keyring)
    await room.keyring.revoke(key.id)
    second = await demo_key(room.keyring, first)
    assert second not in (None, first)
    assert await demo_key(room.keyring, "toll_live_of_another_store") not in (None, first, second)


async def test_without_the_team_there_is_none(store: Store) -> None:
    room = await workshop(store, team())
    assert await demo_key(room.keyring, None) is None


async def test_it_is_useless_where_real_money_is_behind_it(store: Store) -> None:
    room = await workshop(store, team(slug=TEAM))
    secret = await demo_key(room.keyring, None)
    assert secret is not None
    await retire_demo_key(room.keyring, secret)
    assert await room.keyring.admit(secret, None, None) == KeyRefused(KeyFault.REVOKED)
    await retire_demo_key(room.keyring, secret)
    await retire_demo_key(room.keyring, "toll_live_of_another_store")
