"""Teams a page at a time, each with how its limits stand; of ten thousand, only those on the page are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from gateway.adapters.redis.connection import Store
from gateway.core.account import Account, Balance
from gateway.core.plan import Rules
from gateway.core.policy_set import PolicySet
from gateway.ports import StoreUnavailable
from gateway.service.policy_desk import PolicyDesk
from gateway.service.submit import Asked
from gateway.service.teams import TeamPage, Teams
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import Told, Workshop, accepted, workshop
from tests.walkthrough.policies import budget, in_flight, team


def names(page: TeamPage) -> list[str]:
    return [one.team.slug for one in page.teams]


def teams(room: Workshop) -> Teams:
    return Teams(room.desk, room.ledger, room.clock)


async def test_pages_follow_each_other_by_name_and_end(store: Store) -> None:
    slugs = ["audio", "blue", "green", "red", "video"]
    room = await workshop(store, *(team(budget("5.00"), slug=slug) for slug in reversed(slugs)))

    first = await teams(room).page(2, "", None)
    assert (names(first), first.following) == (slugs[:2], "blue")
    second = await teams(room).page(2, "blue", None)
    assert (names(second), second.following) == (slugs[2:4], "red")
    assert await teams(room).page(2, "zebra", None) == TeamPage((), None)
    last = await teams(room).page(1, "red", None)
    assert (names(last), last.following) == (["video"], None)

    assert names(await teams(room).page(9, "", "green")) == ["green"]
    assert names(await teams(room).page(9, "green", "green")) == []
    assert names(await teams(room).page(9, "", "nobody")) == []


async def test_each_team_has_what_stands_on_its_own_limits(store: Store) -> None:
    rules = (budget("5.00"), budget("1.00", "each", per="key"), in_flight(3))
    room = await workshop(store, team(*rules, slug="audio"), team(slug="blue"), team(*rules))
    principal = await room.principal()
    await submitting(room, Told(accepted("job_1")))(Asked(principal, BODY, "req_1", None, {}))

    page = await teams(room).page(9, "", None)

    rows = [[(asked.account.limit, asked.ceiling, balance) for asked, balance in one.limits] for one in page.teams]
    assert rows == [
        [("budget", 5_000_000, Balance(0, 0)), ("at-once", 3, Balance(0, 0))],
        [],
        [("budget", 5_000_000, Balance(350_000, 0)), ("at-once", 3, Balance(0, 1))],
    ]


@dataclass
class Counting:
    """A ledger that counts which accounts it is asked for."""

    asked: list[Account] = field(default_factory=list)

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        self.asked += accounts
        return tuple(Balance(0, 0) for _ in accounts)


async def test_of_ten_thousand_teams_only_the_page_is_read(store: Store) -> None:
    room = await workshop(store, team(budget("5.00"), in_flight(3)))
    rules = room.desk.rules
    video = rules.policies.teams["video"]
    many = {f"team-{number:05}": replace(video, slug=f"team-{number:05}") for number in range(10_000)}
    room.desk.current = Rules(rules.version, PolicySet(rules.policies.organization, many), rules.prices)
    ledger = Counting()

    page = await Teams(room.desk, ledger, room.clock).page(50, "team-04999", None)

    assert (names(page)[0], page.following) == ("team-05000", "team-05049")
    assert len(ledger.asked) == 100
    assert {account.owner for account in ledger.asked} == set(names(page))


async def test_before_the_first_policies_there_are_none_to_list(store: Store) -> None:
    room = await workshop(store, team(budget("5.00")))
    empty = replace(room, desk=PolicyDesk(NothingLive(), lambda _: (), "acme"))
    with pytest.raises(StoreUnavailable):
        await teams(empty).page(1, "", None)


class NothingLive:
    async def live_version(self) -> None:
        return None

    async def live(self) -> None:
        return None
