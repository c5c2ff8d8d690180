"""The secrets that teams verify our webhooks with, on a real store."""

from dataclasses import replace

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.team_secrets import RedisTeamSecrets
from gateway.core.current import Current
from gateway.core.key_secret import Peppers
from gateway.service.keyring import UnknownTeam
from gateway.service.team_secrets import SecretLost, TeamSecret, TeamSecrets
from tests.service.workshop import workshop
from tests.walkthrough.policies import budget, team

FILES = (team(budget("5.00")), team(budget("5.00"), slug="audio"))


async def opened(store: Store) -> TeamSecrets:
    shop = await workshop(store, *FILES)
    return TeamSecrets(RedisTeamSecrets(store), shop.desk, Current(Peppers(1, {1: b"pepper"})), shop.clock)


def secret(found: TeamSecret | SecretLost | UnknownTeam) -> str:
    assert isinstance(found, TeamSecret)
    return found.secret


async def test_it_is_made_when_it_is_first_needed_and_stays(store: Store) -> None:
    secrets = await opened(store)
    first = secret(await secrets.of("video"))
    assert [secret(await secrets.show("video")) for _ in range(2)] == [first, first]
    assert secret(await secrets.show("audio")) != first
    assert first not in repr(await secrets.show("video"))
    assert [value for value in await store.client.hvals("{toll}:team_secrets") if first.encode() in value] == []


async def test_a_rotation_gives_another_one_at_once(store: Store) -> None:
    secrets = await opened(store)
    seen = [secret(await secrets.show("video"))] + [secret(await secrets.rotate("video")) for _ in range(3)]
    assert len(set(seen)) == 4
    assert secret(await secrets.of("video")) == seen[-1]


async def test_a_team_that_no_policy_names_has_none_to_show(store: Store) -> None:
    secrets = await opened(store)
    assert await secrets.show("no-such") == UnknownTeam("no-such")
    assert await secrets.rotate("no-such") == UnknownTeam("no-such")
    # What was running when the team was removed is still told, and signed.
    assert isinstance(await secrets.of("no-such"), TeamSecret)


async def test_the_organization_has_one_under_its_own_name(store: Store) -> None:
    secrets = await opened(store)
    ours = secret(await secrets.show("acme"))
    assert ours == secret(await secrets.of("acme")) != secret(await secrets.show("video"))
    assert secret(await secrets.rotate("acme")) != ours


async def test_another_pepper_changes_no_secret_and_without_the_old_one_it_is_lost(store: Store) -> None:
    secrets = await opened(store)
    first = secret(await secrets.show("video"))
    both = replace(secrets, peppers=Current(Peppers(2, {1: b"pepper", 2: b"another"})))
    assert secret(await both.show("video")) == first
    without = replace(secrets, peppers=Current(Peppers(2, {2: b"another"})))
    assert await without.show("video") == SecretLost("video")
    assert secret(await without.rotate("video")) == secret(await without.show("video"))
