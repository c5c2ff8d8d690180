"""What could be sent instead of what was refused: read once for many refusals, and never in the way of one."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.account import Account, Balance
from gateway.core.figures import ClosedPrice
from gateway.core.job import JobRequest
from gateway.core.nearest import WouldPass
from gateway.core.outcome import StoreDown
from gateway.core.plan import Rules
from gateway.core.policy import InputNotAllowed, decide
from gateway.core.policy_set import Allow, PolicySet
from gateway.core.pricing import Quote
from gateway.core.refusal import refusal
from gateway.ports import StoreUnavailable
from gateway.service.nearest import Nearest
from gateway.service.submit import Submitted
from tests.core.test_nearest import BOOK, CHEAP, FILM, MONTH, job
from tests.core.test_policy import limit, policies, principal
from tests.doubles import NOON, StillClock

ASKED = job(duration="10", has_sound="true")


@dataclass
class Books:
    """Implements what of `ports.Ledger` and `ports.ClosedPrices` is asked here."""

    posted: dict[str, int] = field(default_factory=dict)
    closed: tuple[ClosedPrice, ...] = ()
    reads: int = 0
    broken: bool = False

    async def balances(self, accounts: list[Account]) -> tuple[Balance, ...]:
        self.reads += 1
        if self.broken:
            raise StoreUnavailable("not now")
        return tuple(Balance(self.posted.get(account.limit, 0), 0) for account in accounts)

    async def all(self) -> tuple[ClosedPrice, ...]:
        return self.closed

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asks for {name} here")


def refused(policy_set: PolicySet, posted: int = 0, asked: JobRequest = ASKED) -> Submitted:
    """A submit that its limits refused, having met this on each of them."""
    quote = BOOK.quote(asked.model, None, asked.input, NOON)
    assert isinstance(quote, Quote)
    decision = decide(policy_set, principal(), asked.model, asked.input, quote, NOON)
    demands = getattr(decision, "demands", ())
    found = refusal(demands, [Balance(posted, 0)] * len(demands))
    assert found is not None
    return Submitted(found, asked.model, quote.hold_amount)


async def told(nearest: Nearest, submitted: Submitted, policy_set: PolicySet) -> tuple[WouldPass, ...]:
    answered = await nearest(submitted, ASKED, principal(), Rules("v1", policy_set, BOOK))
    assert (answered.submission, answered.model, answered.amount) == (
        submitted.submission,
        submitted.model,
        submitted.amount,
    )
    return answered.would_pass


async def test_what_a_refusal_met_is_newer_than_what_was_read() -> None:
    books = Books({"month": 0})
    nearest = Nearest(books, books, StillClock())
    one = policies(MONTH)
    assert [each.amount for each in await told(nearest, refused(one), one)] == [700_000, 700_000, 400_000]
    assert [each.amount for each in await told(nearest, refused(one, 600_000), one)] == [400_000]
    assert books.reads == 1


async def test_many_refusals_in_a_moment_read_once_and_the_next_moment_reads_again() -> None:
    books, clock, one = Books(), StillClock(), policies(MONTH)
    nearest = Nearest(books, books, clock)
    for _ in range(100):
        await told(nearest, refused(one), one)
    assert books.reads == 1
    clock.advance(timedelta(seconds=1))
    await told(nearest, refused(one), one)
    assert books.reads == 2


async def test_the_limits_of_another_model_are_read_and_closed_prices_are_no_way_out() -> None:
    one = policies(limit("film", ceiling=1, models=(FILM,)), limit("cheap", ceiling=500_000, models=(CHEAP,)))
    for books, slugs in (
        (Books(), [CHEAP]),
        (Books({"cheap": 200_000}), []),
        (Books(closed=(ClosedPrice(CHEAP, "first", test=False),)), []),
        (Books(closed=(ClosedPrice(CHEAP, "first", test=True),)), [CHEAP]),
    ):
        found = await told(Nearest(books, books, StillClock()), refused(one), one)
        assert [each.model for each in found] == slugs


async def test_what_the_policy_forbids_has_a_way_out_too() -> None:
    books, silent = Books(), policies(allow=Allow(models=(FILM,), input={"has_sound": ("false",)}))
    denied = Submitted(InputNotAllowed("has_sound", ("false",)), FILM)
    found = await told(Nearest(books, books, StillClock()), denied, silent)
    assert found == (WouldPass({"has_sound": "false"}, FILM, 700_000),)


@pytest.mark.parametrize("broken", [True, False])
async def test_without_an_answer_or_a_way_out_a_refusal_stays_as_it_is(broken: bool) -> None:
    books, one = Books(broken=broken), policies(MONTH)
    submitted = refused(one) if broken else Submitted(StoreDown("frozen"))
    assert await Nearest(books, books, StillClock())(submitted, ASKED, principal(), Rules("v1", one, BOOK)) is submitted
    assert books.reads == (1 if broken else 0)
