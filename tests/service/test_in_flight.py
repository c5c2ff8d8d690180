"""Advice for whoever has too many jobs in flight: when enough of them may have ended."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.account import Account, Balance
from gateway.core.outcome import StoreDown
from gateway.core.refusal import Refusal, refusal
from gateway.ports import StoreUnavailable
from gateway.service.in_flight import InFlight
from gateway.service.submit import Submitted
from tests.adapters.redis.holds import ORGANIZATION, RUNNING, TEAM, demand
from tests.doubles import NOON, StillClock


@dataclass
class Runs:
    """Implements what of `ports.Jobs` is asked here: minutes after noon at which jobs of an account may end."""

    minutes: dict[Account, list[int]]
    asked: list[Account] = field(default_factory=list)
    broken: bool = False

    async def ends(self, account: Account) -> tuple[datetime, ...]:
        self.asked.append(account)
        if self.broken:
            raise StoreUnavailable("not now")
        return tuple(NOON + timedelta(minutes=each) for each in self.minutes.get(account, []))

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asks for {name} here")


def refused(*standing: tuple[Account, int, int]) -> Submitted:
    """A job that does not fit: accounts, how many run, how many may."""
    demands = [demand(account, 1, ceiling) for account, _, ceiling in standing]
    found = refusal(demands, [Balance(0, held) for _, held, _ in standing])
    assert found is not None
    return Submitted(found, "a/b", 5)


async def advised(runs: Runs, submitted: Submitted) -> Refusal:
    told = await InFlight(runs, StillClock())(submitted)
    assert isinstance(told.submission, Refusal)
    assert (told.model, told.amount) == (submitted.model, submitted.amount)
    return told.submission


@pytest.mark.parametrize(("running", "ceiling", "minute"), [(3, 3, 5), (4, 3, 7), (5, 3, 9), (6, 3, None)])
async def test_as_many_must_end_as_are_too_many(running: int, ceiling: int, minute: int | None) -> None:
    told = await advised(Runs({RUNNING: [9, 5, 7]}), refused((RUNNING, running, ceiling)))
    assert told.frees_at == (None if minute is None else NOON + timedelta(minutes=minute))


async def test_the_last_account_to_have_room_decides() -> None:
    both = refused((RUNNING, 1, 1), (OTHER, 1, 1))
    assert (await advised(Runs({RUNNING: [5], OTHER: [8]}), both)).frees_at == NOON + timedelta(minutes=8)
    assert (await advised(Runs({RUNNING: [5]}), both)).frees_at == NOON + timedelta(minutes=5)
    assert (await advised(Runs({}), both)).frees_at is None


async def test_money_does_not_come_back_because_a_job_ends() -> None:
    runs = Runs({RUNNING: [5]})
    for submitted in (refused((TEAM, 1, 1)), refused((RUNNING, 1, 1), (ORGANIZATION, 1, 1)), Submitted(StoreDown("x"))):
        assert await InFlight(runs, StillClock())(submitted) is submitted
    assert runs.asked == []


async def test_what_was_found_is_good_for_a_moment() -> None:
    runs, clock = Runs({RUNNING: [5]}), StillClock()
    advice = InFlight(runs, clock)
    for _ in range(100):
        await advice(refused((RUNNING, 1, 1)))
    assert len(runs.asked) == 1
    clock.advance(timedelta(seconds=1))
    await advice(refused((RUNNING, 1, 1)))
    assert len(runs.asked) == 2


async def test_without_an_answer_a_refusal_stays_as_it_is() -> None:
    submitted = refused((RUNNING, 1, 1))
    assert await InFlight(Runs({}, broken=True), StillClock())(submitted) is submitted


OTHER = Account(RUNNING.scope, "blue", RUNNING.limit, RUNNING.meter, RUNNING.window)
