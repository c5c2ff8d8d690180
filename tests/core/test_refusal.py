"""What stands in a job's way: verdicts, the limit that is named, and what the client is told about waiting."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter
from gateway.core.refusal import Failure, LimitCode, Refusal, Verdict, before, classify, refusal, shadow_refusals
from tests.doubles import NOON

EMPTY = Balance(0, 0)
FULL = Balance(10, 0)

amounts = st.integers(0, 20)
balances = st.builds(Balance, st.integers(-3, 20), amounts)


def demand(
    name: str = "limit",
    amount: int = 1,
    ceiling: int = 10,
    scope: AccountScope = AccountScope.TEAM,
    meter: Meter = Meter.USD,
    hours: int | None = 24,
    enforced: bool = True,
) -> Demand:
    """One that resets in so many hours; None: never."""
    resets_at = None if hours is None else NOON + timedelta(hours=hours)
    return Demand(Account(scope, "owner", name, meter, "label"), amount, ceiling, enforced, "month", resets_at)


def refused(*demands: Demand, by: Balance = FULL) -> Refusal:
    found = refusal(demands, [by] * len(demands))
    assert found is not None
    return found


def named(*demands: Demand) -> str:
    return refused(*demands).named.demand.account.limit


@given(amounts, amounts, balances)
def test_a_demand_is_ok_exactly_when_the_hold_script_lets_it_pass(amount: int, ceiling: int, balance: Balance) -> None:
    fits = not (ceiling == 0 or balance.posted + balance.held + amount > ceiling)

    assert (classify(demand(amount=amount, ceiling=ceiling), balance) is Verdict.OK) == fits


@pytest.mark.parametrize(
    ("amount", "ceiling", "balance", "verdict"),
    [
        (3, 10, Balance(4, 3), Verdict.OK),
        (4, 10, Balance(4, 3), Verdict.HELD),
        (6, 10, Balance(4, 3), Verdict.HELD),
        (7, 10, Balance(4, 3), Verdict.EXCEEDED),
        (10, 10, Balance(1, 0), Verdict.EXCEEDED),
        (11, 10, EMPTY, Verdict.NEVER),
        (0, 0, EMPTY, Verdict.NEVER),
        (0, 10, Balance(11, 0), Verdict.EXCEEDED),
    ],
)
def test_verdicts(amount: int, ceiling: int, balance: Balance, verdict: Verdict) -> None:
    assert classify(demand(amount=amount, ceiling=ceiling), balance) is verdict


def test_where_all_have_room_there_is_no_refusal() -> None:
    assert refusal([demand(), demand("other")], [EMPTY, Balance(9, 0)]) is None
    assert refusal([], []) is None


def test_every_limit_that_failed_is_listed_in_the_order_of_the_demands() -> None:
    first, second, third = demand("first"), demand("second"), demand("third")
    found = refusal([first, second, third], [FULL, EMPTY, FULL])

    assert found is not None
    assert [failure.demand for failure in found.failed] == [first, third]
    assert found.failed[0] == Failure(first, FULL, Verdict.EXCEEDED)


def test_what_no_waiting_mends_is_named_before_what_resets_late() -> None:
    assert named(demand("total", hours=None), demand("too-small", ceiling=0, hours=1)) == "too-small"


def test_then_the_limit_that_resets_last() -> None:
    assert named(demand("day", hours=24), demand("month", hours=700), demand("hour", hours=1)) == "month"
    assert named(demand("month", hours=700), demand("total", hours=None)) == "total"


def test_jobs_at_once_are_named_last_because_they_end_by_themselves() -> None:
    assert named(demand("at-once", meter=Meter.IN_FLIGHT, hours=None), demand("hour", hours=1)) == "hour"


def test_then_organization_then_team_then_key_then_the_order_of_the_file() -> None:
    key, team = demand("key", scope=AccountScope.KEY), demand("team")
    organization = demand("organization", scope=AccountScope.ORGANIZATION)

    assert named(key, team, organization) == "organization"
    assert named(key, team) == "team"
    assert named(demand("first"), demand("second")) == "first"


def test_a_shadow_limit_refuses_nothing_and_says_so_separately() -> None:
    shadow, enforced = demand("shadow", enforced=False, ceiling=0), demand("enforced")

    assert refusal([shadow, enforced], [FULL, EMPTY]) is None
    assert refused(shadow, enforced).failed == (Failure(enforced, FULL, Verdict.EXCEEDED),)
    assert shadow_refusals([shadow, enforced], [FULL, FULL]) == (Failure(shadow, FULL, Verdict.NEVER),)
    assert shadow_refusals([demand(enforced=False)], [EMPTY]) == ()


def test_a_shadow_limit_is_judged_by_what_stood_before_the_job() -> None:
    fits = demand(amount=4, enforced=False)
    after = (Balance(6, 4),)

    assert before([fits], after) == (Balance(6, 0),)
    assert shadow_refusals([fits], before([fits], after)) == ()
    assert shadow_refusals([fits], before([fits], [Balance(6, 5)])) != ()


@pytest.mark.parametrize(
    ("asked", "balance", "code", "wait"),
    [
        (demand(amount=11), EMPTY, LimitCode.REQUEST_EXCEEDS_LIMIT, None),
        (demand(amount=11, meter=Meter.SECONDS), EMPTY, LimitCode.REQUEST_EXCEEDS_LIMIT, None),
        (demand(ceiling=0, meter=Meter.IN_FLIGHT, hours=None), EMPTY, LimitCode.REQUEST_EXCEEDS_LIMIT, None),
        (demand(), FULL, LimitCode.BUDGET_EXCEEDED, None),
        (demand(hours=None), FULL, LimitCode.BUDGET_EXCEEDED, None),
        (demand(), Balance(5, 5), LimitCode.BUDGET_HELD, 60),
        (demand(meter=Meter.JOBS), FULL, LimitCode.QUOTA_EXCEEDED, 86_400),
        (demand(meter=Meter.IMAGES), Balance(0, 10), LimitCode.QUOTA_EXCEEDED, 86_400),
        (demand(meter=Meter.SECONDS, hours=None), FULL, LimitCode.QUOTA_EXCEEDED, None),
        (demand(meter=Meter.IN_FLIGHT, hours=None), Balance(0, 10), LimitCode.CONCURRENT_JOBS_EXCEEDED, 10),
    ],
)
def test_the_code_and_the_wait_follow_from_meter_and_verdict(
    asked: Demand, balance: Balance, code: LimitCode, wait: int | None
) -> None:
    failure = refused(asked, by=balance).named

    assert (failure.code, failure.retry_after(NOON)) == (code, wait)


def test_the_wait_for_a_quota_is_rounded_up_and_at_least_a_second() -> None:
    failure = refused(demand(meter=Meter.JOBS, hours=1)).named
    resets_at = NOON + timedelta(hours=1)

    assert failure.retry_after(NOON + timedelta(milliseconds=1)) == 3600
    assert failure.retry_after(resets_at - timedelta(milliseconds=1)) == 1
    assert failure.retry_after(resets_at) == 1


@given(st.lists(st.tuples(amounts, amounts, st.booleans(), balances), max_size=5))
def test_a_refusal_names_one_of_its_failures_and_exists_exactly_when_an_enforced_demand_fails(
    rows: list[tuple[int, int, bool, Balance]],
) -> None:
    demands = [demand(str(n), row[0], row[1], enforced=row[2]) for n, row in enumerate(rows)]
    found = refusal(demands, [row[3] for row in rows])
    failing = [
        asked
        for asked, row in zip(demands, rows, strict=True)
        if asked.enforced and (asked.ceiling == 0 or row[3].posted + row[3].held + asked.amount > asked.ceiling)
    ]

    assert ([failure.demand for failure in found.failed] if found else []) == failing
    if found:
        assert found.named in found.failed


@pytest.mark.parametrize(
    ("after", "wait"), [(None, 10), (-1, 10), (0, 10), (1, 1), (89.5, 90), (3600, 3600), (86_400, 3600)]
)
def test_who_waits_for_jobs_waits_for_the_first_that_may_end(after: float | None, wait: int) -> None:
    found = refusal([demand(ceiling=1, meter=Meter.IN_FLIGHT)], [Balance(0, 1)])
    assert found is not None
    frees_at = None if after is None else NOON + timedelta(seconds=after)
    assert replace(found, frees_at=frees_at).retry_after(NOON) == wait


def test_who_waits_for_a_window_does_not_wait_for_jobs() -> None:
    demands = [demand(ceiling=1, meter=Meter.JOBS), demand(ceiling=1, meter=Meter.IN_FLIGHT)]
    found = refusal(demands, [Balance(1, 0), Balance(0, 1)])
    assert found is not None
    assert replace(found, frees_at=NOON + timedelta(seconds=5)).retry_after(NOON) == found.named.retry_after(NOON)
