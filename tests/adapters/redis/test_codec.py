"""Times and amounts survive the way into the store and back, to the last digit."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.redis import codec
from gateway.core.account import Balance
from gateway.core.ledger import Charge, Move
from tests.adapters.redis.holds import JOBS, TEAM, admission, demand

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
AMOUNTS = st.integers(-(2**53) + 1, 2**53 - 1)


@given(MOMENTS)
def test_an_instant_is_exact_to_the_microsecond(moment: datetime) -> None:
    assert codec.instant(codec.micros(moment)) == moment


def test_what_never_ends_is_zero() -> None:
    assert codec.ends(None) == 0
    assert codec.ends(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1_000_000


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=5))
def test_moves_and_balances_keep_every_digit(pairs: list[tuple[int, int]]) -> None:
    moves = tuple(Move(f"team:a:l{index}:usd:2026-11", *pair) for index, pair in enumerate(pairs))
    text = "\n".join(f"{move.account} {move.posted} {move.held}" for move in moves)
    assert codec.decode_moves(text) == moves
    numbers = [str(number).encode() for pair in pairs for number in pair]
    assert codec.decode_balances(numbers) == tuple(Balance(*pair) for pair in pairs)


def test_charges_name_account_and_amount() -> None:
    hold = admission("h1", demand(TEAM, 700_000, 10**9), demand(JOBS, 1, 5)).hold
    assert codec.encode_charges(hold.charges) == f"{TEAM.name} 700000\n{JOBS.name} 1"
    others = (Charge(TEAM.name, TEAM.meter, 700_001, None), *hold.charges[1:])
    assert codec.encode_charges(others) != codec.encode_charges(hold.charges)
