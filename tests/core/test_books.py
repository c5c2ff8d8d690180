"""The books: held is what open holds charge, posted what entries say, to the last unit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.account import Balance
from gateway.core.books import Excerpt, OpenHold, discrepancies
from gateway.core.ledger import Move, State

SPEND = "team:red:spend:usd:2026-11"
RUNNING = "team:red:running:in_flight:"

# One job under way, one in doubt, one captured and running.
SOUND = Excerpt(
    holds=(
        OpenHold("h1", State.HELD, "held", ((SPEND, 700), (RUNNING, 1))),
        OpenHold("h2", State.IN_DOUBT, "in_doubt", ((SPEND, 300), (RUNNING, 1))),
        OpenHold("h3", State.CAPTURED, "captured", ((SPEND, 500), (RUNNING, 1))),
    ),
    all_holds=True,
    moves=(
        Move(SPEND, 0, 700),
        Move(RUNNING, 0, 1),
        Move(SPEND, 0, 300),
        Move(RUNNING, 0, 1),
        Move(SPEND, 0, 500),
        Move(RUNNING, 0, 1),
        Move(SPEND, 450, -500),
    ),
    all_entries=True,
    balances={SPEND: Balance(450, 1000), RUNNING: Balance(0, 3)},
)


def test_books_that_add_up() -> None:
    assert list(discrepancies(SOUND)) == []
    assert list(discrepancies(Excerpt((), True, (), True, {}))) == []


@pytest.mark.parametrize(
    ("balances", "sentence"),
    [
        ({SPEND: Balance(450, 999)}, f"Account {SPEND} holds 999, and its open holds come to 1000."),
        ({SPEND: Balance(450, 1001)}, f"Account {SPEND} holds 1001, and its open holds come to 1000."),
        ({SPEND: Balance(449, 1000)}, f"Account {SPEND} has posted 449, and its entries come to 450."),
        ({RUNNING: None}, f"Account {RUNNING} holds 0, and its open holds come to 3."),
    ],
)
def test_an_account_that_is_off(balances: dict[str, Balance | None], sentence: str) -> None:
    assert list(discrepancies(replace(SOUND, balances={**SOUND.balances, **balances}))) == [sentence]


def test_an_account_that_was_thrown_away() -> None:
    gone = replace(SOUND, holds=(), moves=(Move(SPEND, 450, 0),), balances={SPEND: None})
    assert list(discrepancies(gone)) == [f"Account {SPEND} has posted 0, and its entries come to 450."]


def test_an_account_that_was_swept_is_missed_by_nobody() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    gone = replace(SOUND, holds=(), moves=(Move(SPEND, 450, 0),), balances={SPEND: None})
    last = {SPEND: end - timedelta(seconds=1)}
    assert list(discrepancies(replace(gone, admitted=last, swept_to=end))) == []
    # What was admitted since, or never ends, cannot have been swept; nor was what is there.
    sentence = "Account {} has posted 0, and its entries come to 450."
    for off in (replace(gone, admitted={SPEND: end}, swept_to=end), replace(gone, admitted=last)):
        assert list(discrepancies(off)) == [sentence.format(SPEND)]
    for name in ("team:red:ever:usd:total", "team:red:running:in_flight:"):
        off = replace(gone, moves=(Move(name, 450, 0),), balances={name: None}, swept_to=end)
        assert list(discrepancies(off)) == [sentence.format(name)]
    there = replace(gone, balances={SPEND: Balance(0, 0)}, admitted=last, swept_to=end)
    assert list(discrepancies(there)) == [sentence.format(SPEND)]


@pytest.mark.parametrize("state", ["", "voided"])
def test_a_hold_that_is_not_what_it_is_listed_as(state: str) -> None:
    odd = replace(SOUND.holds[0], state=state)
    found = list(discrepancies(replace(SOUND, holds=(odd, *SOUND.holds[1:]))))
    assert found == [f"Hold h1 is {state or 'missing'} and listed as held."]


def test_with_some_of_the_holds_what_they_charge_must_fit_in() -> None:
    some = replace(SOUND, holds=SOUND.holds[:1], all_holds=False)
    assert list(discrepancies(some)) == []
    too_little = replace(some, balances={**SOUND.balances, SPEND: Balance(450, 699)})
    assert list(discrepancies(too_little)) == [f"Account {SPEND} holds 699, and its open holds come to 700."]


def test_with_some_of_the_entries_nothing_is_known_of_what_was_posted() -> None:
    assert list(discrepancies(replace(SOUND, moves=(), all_entries=False))) == []
