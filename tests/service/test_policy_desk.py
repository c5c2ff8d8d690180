"""The policy desk: what is live decides, what does not compile never does, and nobody's change is lost."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.policy_version import Applied, Signature, version_of
from gateway.ports import Policies, PolicyVersion, StoreUnavailable
from gateway.service.policy_desk import (
    Complaints,
    Conflict,
    KeptOut,
    OtherOrganization,
    PolicyDesk,
    Published,
    RemovesTeams,
    ResetsLimits,
    Unchanged,
)
from tests.doubles import SIGNED, MemoryPolicies, compile_plainly, policy_files

VIDEO = policy_files("video")
BOTH = policy_files("video", "audio")
BAD = policy_files("video", **{"teams/audio.toml": "bad", "prices/1.toml": "bad"})
MISTAKES = (Complaint("prices/1.toml", "", "is bad"), Complaint("teams/audio.toml", "", "is bad"))


@pytest.fixture(params=["memory", "redis"])
def policies(request: pytest.FixtureRequest) -> Policies:
    if request.param == "memory":
        return MemoryPolicies()
    store: Store = request.getfixturevalue("store")
    return RedisPolicies(store)


@pytest.fixture
def desk(policies: Policies) -> PolicyDesk:
    return PolicyDesk(policies, compile_plainly, "acme")


async def make_live(policies: Policies, files: Mapping[str, str], version: str | None = None) -> str:
    """As another gateway would, one whose idea of a good file may differ from ours."""
    named = PolicyVersion(version or version_of(files), files)
    assert await policies.publish(named, await policies.live_version(), SIGNED)
    return named.version


async def test_before_the_first_version_nothing_decides(desk: PolicyDesk) -> None:
    assert await desk.refresh() is None
    assert desk.current is None
    assert await desk.live() is None
    with pytest.raises(StoreUnavailable):
        desk.knows_team("video")


async def test_published_files_decide_at_once(desk: PolicyDesk) -> None:
    assert await desk.publish(VIDEO, ()) == Published(version_of(VIDEO))
    assert desk.rules.version == version_of(VIDEO)
    assert desk.knows_team("video")
    assert not desk.knows_team("audio")
    assert await desk.live() == PolicyVersion(version_of(VIDEO), VIDEO)


async def test_the_same_files_again_change_nothing(desk: PolicyDesk) -> None:
    await desk.publish(VIDEO, ())
    assert await desk.publish(dict(reversed(VIDEO.items())), ()) == Unchanged(version_of(VIDEO))


async def test_another_gateway_takes_them_up(desk: PolicyDesk, policies: Policies) -> None:
    other = PolicyDesk(policies, compile_plainly, "acme")
    await desk.publish(VIDEO, ())
    await other.refresh()
    assert other.rules == desk.rules

    await desk.publish(BOTH, ())
    assert not other.knows_team("audio")
    await other.refresh()
    assert other.knows_team("audio")


async def test_files_with_mistakes_stay_out_and_every_mistake_is_named(desk: PolicyDesk) -> None:
    await desk.publish(VIDEO, ())
    assert await desk.publish(BAD, ()) == Complaints(MISTAKES)
    assert await desk.check(BAD) == Complaints(MISTAKES)
    assert desk.rules.version == version_of(VIDEO)
    assert await desk.live() == PolicyVersion(version_of(VIDEO), VIDEO)


async def test_a_check_changes_nothing(desk: PolicyDesk) -> None:
    checked = await desk.check(VIDEO)
    assert isinstance(checked, Rules)
    assert checked.version == version_of(VIDEO)
    assert desk.current is None
    assert await desk.live() is None


async def test_files_of_another_organization_are_refused(desk: PolicyDesk) -> None:
    foreign = policy_files("video", organization="umbrella")
    assert await desk.publish(foreign, ()) == OtherOrganization("umbrella", "acme")
    assert await desk.check(foreign) == OtherOrganization("umbrella", "acme")
    assert await desk.live() is None


async def test_a_team_goes_only_by_name(desk: PolicyDesk) -> None:
    await desk.publish(policy_files("video", "audio", "image"), ())
    assert await desk.publish(VIDEO, ()) == RemovesTeams(("audio", "image"))
    assert await desk.publish(VIDEO, ("audio",)) == RemovesTeams(("image",))
    assert desk.knows_team("audio")

    assert await desk.publish(VIDEO, ("audio", "image")) == Published(version_of(VIDEO))
    assert not desk.knows_team("audio")


async def test_teams_of_a_version_that_does_not_compile_here_are_not_lost_either(
    desk: PolicyDesk, policies: Policies
) -> None:
    await make_live(policies, BAD)
    assert await desk.publish(VIDEO, ()) == RemovesTeams(("audio",))
    assert await desk.publish(VIDEO, ("audio",)) == Published(version_of(VIDEO))


async def test_a_live_version_that_does_not_compile_is_kept_out_and_reported_once(
    desk: PolicyDesk, policies: Policies, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.publish(VIDEO, ())
    version = await make_live(policies, BAD)

    assert await desk.refresh() == KeptOut(version, MISTAKES)
    assert await desk.refresh() == KeptOut(version, MISTAKES)
    assert [record.__dict__["fields"]["version"] for record in caplog.records] == [version]
    assert desk.kept_out == KeptOut(version, MISTAKES)
    assert desk.rules.version == version_of(VIDEO)

    await make_live(policies, BOTH)
    assert await desk.refresh() is None
    assert desk.knows_team("audio")


async def test_rules_have_the_name_by_which_the_store_knows_them(desk: PolicyDesk, policies: Policies) -> None:
    await make_live(policies, VIDEO, version="named-by-an-older-release")
    await desk.refresh()
    assert desk.rules.version == "named-by-an-older-release"


async def test_what_did_not_change_is_not_read_again(policies: Policies) -> None:
    compiled: list[Mapping[str, str]] = []

    def compile_counted(files: Mapping[str, str]) -> Rules | tuple[Complaint, ...]:
        compiled.append(files)
        return compile_plainly(files)

    desk = PolicyDesk(policies, compile_counted, "acme")
    await make_live(policies, VIDEO)
    await asyncio.gather(*(desk.refresh() for _ in range(20)))
    assert compiled == [VIDEO]

    await make_live(policies, BAD)
    for _ in range(3):
        assert await desk.refresh() is not None
    assert compiled == [VIDEO, BAD]


@dataclass
class Overtaken:
    """Policies where somebody else is always a moment earlier."""

    policies: Policies

    async def live_version(self) -> str | None:
        return await self.policies.live_version()

    async def live(self) -> PolicyVersion | None:
        return await self.policies.live()

    async def version(self, version: str) -> PolicyVersion | None:
        return await self.policies.version(version)

    async def history(self) -> tuple[Applied, ...]:
        return await self.policies.history()

    async def publish(self, policy: PolicyVersion, replaces: str | None, signature: Signature) -> bool:
        await make_live(self.policies, BOTH)
        return await self.policies.publish(policy, replaces, signature)


async def test_of_two_authors_the_later_is_told(policies: Policies) -> None:
    desk = PolicyDesk(Overtaken(policies), compile_plainly, "acme")
    assert await desk.publish(VIDEO, ()) == Conflict()
    assert await policies.live_version() == version_of(BOTH)


async def test_of_many_that_start_on_an_empty_store_one_publishes(policies: Policies) -> None:
    desks = [PolicyDesk(policies, compile_plainly, "acme") for _ in range(10)]
    said = await asyncio.gather(*(desk.publish(VIDEO, ()) for desk in desks))

    assert said.count(Published(version_of(VIDEO))) == 1
    assert all(isinstance(one, Published | Unchanged | Conflict) for one in said)
    await asyncio.gather(*(desk.refresh() for desk in desks))
    assert all(desk.rules.version == version_of(VIDEO) for desk in desks)


def with_limit(name: str, meter: str = "usd", ceiling: str = '"5.00"') -> dict[str, str]:
    prices = "schema = 1\neffective_from = 2026-01-01T00:00:00Z\nrounding = 'half_up'\n"
    model = '[[model]]\nslug = "a/b"\nbase = 1\nunit = "second"\n'
    limit = f'[[limit]]\nname = "{name}"\nmeter = "{meter}"\nwindow = "month"\nceiling = {ceiling}\n'
    return {
        "organization.toml": 'schema = 1\norganization = "acme"\nzone = "UTC"\n',
        "teams/demo.toml": f'schema = 1\nteam = "demo"\n{limit}',
        "prices/2026-01-01.toml": prices + model,
    }


async def test_a_limit_that_loses_its_count_must_be_named(policies: Policies) -> None:
    desk = PolicyDesk(policies, load, "acme")
    assert await desk.publish(with_limit("month"), ()) == Published(version_of(with_limit("month")))
    renamed = with_limit("monthly")

    assert await desk.publish(renamed, ()) == ResetsLimits(("demo/month",))
    assert await desk.publish(renamed, (), ["demo/other"]) == ResetsLimits(("demo/month",))
    assert desk.rules.version == version_of(with_limit("month"))
    assert await desk.publish(renamed, (), ["demo/month"]) == Published(version_of(renamed))


async def test_another_ceiling_needs_no_reset(policies: Policies) -> None:
    desk = PolicyDesk(policies, load, "acme")
    await desk.publish(with_limit("month"), ())
    raised = with_limit("month", ceiling='"6.00"')
    assert await desk.publish(raised, ()) == Published(version_of(raised))


async def test_what_was_planned_against_another_version_is_refused(desk: PolicyDesk) -> None:
    assert await desk.publish(VIDEO, (), expect=version_of(BOTH)) == Conflict()
    assert await desk.live() is None
    assert await desk.publish(VIDEO, (), expect="none") == Published(version_of(VIDEO))
    assert await desk.publish(BOTH, (), expect="none") == Conflict()
    assert desk.rules.version == version_of(VIDEO)
    assert await desk.publish(BOTH, (), expect=version_of(VIDEO)) == Published(version_of(BOTH))


async def test_every_version_is_signed_and_stays_to_be_read(desk: PolicyDesk) -> None:
    await desk.publish(VIDEO, (), signature=SIGNED)
    await desk.publish(BOTH, (), signature=SIGNED)
    await desk.publish(BOTH, (), signature=SIGNED)
    first, second = version_of(VIDEO), version_of(BOTH)
    assert await desk.history() == (Applied(second, first, SIGNED), Applied(first, None, SIGNED))
    assert await desk.version(first) == PolicyVersion(first, VIDEO)
    assert await desk.version("none") is None


async def test_a_bad_directory_leaves_no_line_in_the_history(desk: PolicyDesk) -> None:
    await desk.publish(VIDEO, ())
    for bad in (BAD, policy_files("video", organization="umbrella"), policy_files("audio")):
        await desk.publish(bad, (), signature=SIGNED)
    assert [line.version for line in await desk.history()] == [version_of(VIDEO)]


async def test_what_is_published_is_compiled_once(policies: Policies) -> None:
    compiled: list[str] = []

    def compile_files(files: Mapping[str, str]) -> Rules | tuple[Complaint, ...]:
        compiled.append(version_of(files))
        return compile_plainly(files)

    desk = PolicyDesk(policies, compile_files, "acme")
    await desk.publish(VIDEO, ())
    assert compiled == [version_of(VIDEO)]
    # What was only checked is not taken for what another gateway makes live.
    await desk.check(VIDEO)
    await make_live(policies, BOTH)
    await desk.refresh()
    assert compiled[1:] == [version_of(VIDEO), version_of(BOTH)]
    assert desk.rules.version == version_of(BOTH)
    assert desk.knows_team("audio")
