"""Four hundred submits at once, through real sockets: exactly what fits is accepted, in whatever order they come."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest

from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, Answer, House, Key, open_house
from tests.walkthrough.policies import budget, organization, quota, team

COST = 700_000
CROWD = 400


async def rush(house: House, keys: Sequence[Key]) -> list[Answer]:
    """One submit of $0.70 with each of the keys, all at once."""
    return await asyncio.gather(*(house.submit(key, **SEED) for key in keys))


def codes(answers: list[Answer]) -> Counter[str]:
    """How often each code, `accepted` for a 200."""
    return Counter("accepted" if answer.status == 200 else answer.code for answer in answers)


@pytest.mark.parametrize(("ceiling", "fit"), [("35.000000", 50), ("34.999999", 49)])
async def test_four_hundred_at_once_and_a_budget_for_fifty(ceiling: str, fit: int) -> None:
    async with open_house(team(budget(ceiling)), faults=Faults(latency_ms=500)) as house:
        key = await house.key()

        answers = await rush(house, [key] * CROWD)

        counts = codes(answers)
        assert counts.pop("accepted") == fit
        assert set(counts) <= {"BUDGET_EXCEEDED", "BUDGET_HELD"}
        assert Counter(answer.status for answer in answers) == {200: fit, 402: CROWD - fit}
        assert len({answer.document["jobId"] for answer in answers if answer.status == 200}) == fit

        # They were under way at the same time: the budget is not kept by letting one after the other through.
        assert house.sandbox.record.peak >= 40
        assert house.upstream_calls == fit
        spent = house.sandbox.account.spent
        assert spent == fit * COST
        assert await house.accounts() == {
            "organization:acme:ample:usd": (spent, 0),
            "team:video:budget:usd": (spent, 0),
        }
        assert await house.states() == {"captured": fit}

        # With nothing in progress any more, the next refusal is no longer one that passes.
        assert (await house.submit(key, **SEED)).code == "BUDGET_EXCEEDED"


async def test_the_headroom_that_the_accepted_are_told_never_repeats() -> None:
    """Each accepted job was the one that brought its balance about, or a later one; none reads below zero."""
    async with open_house(team(budget("14.00")), faults=Faults(latency_ms=50)) as house:
        key = await house.key()
        answers = await rush(house, [key] * 60)
        told = [Decimal(answer.headers["Tollhouse-Headroom-Usd"]) for answer in answers if answer.status == 200]
        assert len(told) == 20
        assert min(told) == 0


async def test_many_limits_at_once_are_each_exact() -> None:
    """Every key's own budget, a team's quota of jobs, another team's budget; a shadow limit refuses nobody."""
    video = team(
        quota("jobs", 30),
        budget("14.00", "of-a-key", per="key"),
        budget("0.70", "would-refuse", mode="shadow"),
    )
    audio = team(budget("10.50"), slug="audio")
    async with open_house(video, audio, faults=Faults(latency_ms=100)) as house:
        one, other, third = await house.key("video"), await house.key("video"), await house.key("audio")
        crowd = [one, other, third, third] * (CROWD // 4)

        answers = await rush(house, crowd)

        accepted = Counter(key.id for key, answer in zip(crowd, answers, strict=True) if answer.status == 200)
        # Each of the two keys may spend 20 jobs' worth, their team has 30 jobs a day.
        assert accepted[one.id] + accepted[other.id] == 30
        assert max(accepted[one.id], accepted[other.id]) <= 20
        assert accepted[third.id] == 15
        assert house.upstream_calls == 45
        assert house.sandbox.account.spent == 45 * COST
        assert await house.accounts() == {
            "organization:acme:ample:usd": (45 * COST, 0),
            "team:video:jobs:jobs": (30, 0),
            "team:video:would-refuse:usd": (30 * COST, 0),
            "team:audio:budget:usd": (15 * COST, 0),
            f"key:{one.id}:of-a-key:usd": (accepted[one.id] * COST, 0),
            f"key:{other.id}:of-a-key:usd": (accepted[other.id] * COST, 0),
        }
        # The first job fitted below the shadow limit too; the other 29 did not.
        metrics = await house.metrics()
        assert metrics("tollhouse_shadow_refusals_total", team="video", limit="would-refuse") == 29
        assert metrics("tollhouse_shadow_refused_usd_total", team="video", limit="would-refuse") == pytest.approx(
            29 * COST / 1_000_000
        )


async def test_an_organization_that_binds_before_its_teams_is_exact() -> None:
    whole = organization(budget("31.499999", "organization-month"))
    async with open_house(
        whole, team(budget("24.50")), team(budget("24.50"), slug="audio"), faults=Faults(latency_ms=100)
    ) as house:
        video, audio = await house.key("video"), await house.key("audio")

        answers = await rush(house, [video, audio] * 100)

        # One micro-USD short of 45 jobs, over two teams with room for 35 each.
        assert codes(answers)["accepted"] == 44
        accounts = await house.accounts()
        assert accounts.pop("organization:acme:organization-month:usd") == (44 * COST, 0)
        assert sum(posted for posted, _ in accounts.values()) == 44 * COST
        assert all(posted <= 35 * COST and held == 0 for posted, held in accounts.values())


async def test_what_the_upstream_refuses_is_released_and_spent_by_others() -> None:
    """Half of the crowd is refused upstream; afterwards the budget is as full as if they had never been there."""
    async with open_house(team(budget("14.00")), faults=Faults(latency_ms=50)) as house:
        key = await house.key()
        refusing = {"sandbox": {"status": 400}}

        answers = await asyncio.gather(*(house.submit(key, **SEED, **(refusing if odd else {})) for odd in (0, 1) * 50))

        assert Counter(answer.status for answer in answers)[200] <= 20
        while (await house.submit(key, **SEED)).status == 200:
            pass
        assert house.sandbox.account.spent == 20 * COST
        assert (await house.accounts())["team:video:budget:usd"] == (20 * COST, 0)
        assert (await house.states())["captured"] == 20
