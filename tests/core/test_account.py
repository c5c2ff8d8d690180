"""Accounts and demands: no two accounts share a name, and what is left is counted in whole numbers."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter, headroom, tightest

slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,4}", fullmatch=True)
labels = st.sampled_from(["", "total", "2026", "2026-11", "2026-11-23", "2026-11-23T12Z", "2026-W48", "FY2026-Q1"])
meters, scopes = st.sampled_from(Meter), st.sampled_from(AccountScope)
accounts = st.builds(Account, scopes, slugs | st.just("key_1"), slugs, meters, labels, st.booleans())
amounts = st.integers(0, 2**53 - 1)
balances = st.builds(Balance, amounts, amounts)


def demand(
    amount: int = 1, ceiling: int = 10, meter: Meter = Meter.USD, enforced: bool = True, limit: str = "budget"
) -> Demand:
    return Demand(
        Account(AccountScope.TEAM, "video", limit, meter, "2026-11"), amount, ceiling, enforced, "month", None
    )


demands = st.builds(demand, amounts, amounts, meters, st.booleans(), slugs)


def test_an_account_is_named_by_what_it_is() -> None:
    account = Account(AccountScope.KEY, "key_1", "clips", Meter.JOBS, "2026-11-23")

    assert account.name == "key:key_1:clips:jobs:2026-11-23"
    assert Account(AccountScope.TEAM, "video", "at-once", Meter.IN_FLIGHT, "", test=True).name == (
        "test:team:video:at-once:in_flight:"
    )


@given(accounts, accounts)
def test_accounts_have_one_name_only_where_they_are_one(first: Account, second: Account) -> None:
    assert (first.name == second.name) == (first == second)
    assert not set(first.name) & set(" \n\t")


@given(amounts, amounts)
def test_a_demand_that_never_fits_is_one_that_does_not_fit_an_empty_account(amount: int, ceiling: int) -> None:
    fits_once = amount <= headroom(ceiling, Balance(0, 0))

    assert demand(amount, ceiling).never == (ceiling == 0 or not fits_once)


def test_a_ceiling_of_nothing_lets_not_even_a_free_job_pass() -> None:
    assert demand(0, 0).never
    assert not demand(0, 1).never
    assert not demand(1, 1).never
    assert demand(2, 1).never


@given(amounts, balances)
def test_what_is_posted_held_and_left_adds_up_to_the_ceiling(ceiling: int, balance: Balance) -> None:
    assert headroom(ceiling, balance) + balance.posted + balance.held == ceiling


def test_a_lowered_ceiling_leaves_less_than_nothing() -> None:
    assert headroom(5, Balance(posted=7, held=1)) == -3


@given(st.lists(st.tuples(demands, balances), max_size=6))
def test_the_tightest_limit_is_an_enforced_money_limit_and_none_of_them_has_less(
    standing: list[tuple[Demand, Balance]],
) -> None:
    found = tightest(tuple(asked for asked, _ in standing), tuple(balance for _, balance in standing))
    left = [
        asked.ceiling - balance.posted - balance.held
        for asked, balance in standing
        if asked.enforced and asked.account.meter is Meter.USD
    ]

    if found is None:
        assert left == []
    else:
        assert found.headroom == min(left)
        assert (found.demand.enforced, found.demand.account.meter) == (True, Meter.USD)


def test_neither_a_shadow_limit_nor_a_count_is_the_tightest() -> None:
    demands = (demand(ceiling=1, enforced=False), demand(ceiling=2, meter=Meter.JOBS), demand(ceiling=3, limit="year"))

    found = tightest(demands, (Balance(0, 0),) * 3)
    assert found is not None
    assert (found.demand.account.limit, found.headroom) == ("year", 3)
    assert tightest(demands[:2], (Balance(0, 0),) * 2) is None
