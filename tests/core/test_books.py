"""The books: held is what open holds charge, posted what entries say, to the last unit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.account import Balance
from gateway.core.books import Excerpt, OpenHold, discrepancies
from gateway.core.ledger import Move, State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPEND = "team:red:spend:usd:2026-11"
RUNNING = "team:red:running:in_flight:"

# One job under way, one in doubt, one captured and running.
SOUND = Excerpt(
    at=NOW,
    holds=(
        OpenHold("h1", State.HELD, "held", ((SPEND, 700), (RUNNING, 1))),
        OpenHold("h2", State.IN_DOUBT, "in_doubt", ((SPEND, 300), (RUNNING, 1))),
        OpenHold("h3", State.CAPTURED, "captured", ((SPEND, 500), (RUNNING, 1))),
    ),
    all_holds=True,
    moves=(
        (NOW, (Move(SPEND, 0, 700), Move(RUNNING, 0, 1))),
        (NOW, (Move(SPEND, 0, 300), Move(RUNNING, 0, 1))),
        (NOW, (Move(SPEND, 0, 500), Move(RUNNING, 0, 1))),
        (NOW, (Move(SPEND, 450, -500),)),
    ),
    all_entries=True,
    balances={SPEND: Balance(450, 1000), RUNNING: Balance(0, 3)},
)


def test_books_that_add_up() -> None:
    assert list(discrepancies(SOUND)) == []
    assert list(discrepancies(Excerpt(NOW, (), True, (), True, {}))) == []


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
    gone = replace(SOUND, holds=(), moves=((NOW, (Move(SPEND, 450, 0),)),), balances={SPEND: None})
    assert list(discrepancies(gone)) == [f"Account {SPEND} has posted 0, and its entries come to 450."]


@pytest.mark.parametrize(("days", "found"), [(89, 1), (90, 0)])
def test_an_account_that_went_long_after_its_window(days: int, found: int) -> None:
    """Its entries stay, and so may one that came late and found no account any more."""
    then = NOW - timedelta(days=days)
    late = (NOW, (Move(SPEND, -50, 0),))
    swept = replace(SOUND, holds=(), moves=((then, (Move(SPEND, 450, 0),)), late), balances={SPEND: None})
    assert len(list(discrepancies(swept))) == found


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
