"""Which thresholds are reached, each told once; and what is told of it."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter
from gateway.core.alert import Alert, Level, alerts, body, document, facts, reached
from gateway.core.money import MAX_AMOUNT
from gateway.core.retention import KEPT
from gateway.core.window import Calendar
from tests.doubles import NOON

CALENDAR = Calendar(ZoneInfo("UTC"))
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)
TEAM = Account(AccountScope.TEAM, "video", "budget", Meter.USD, "2026-11")
ORGANIZATION = Account(AccountScope.ORGANIZATION, "acme", "budget", Meter.USD, "2026-11")
RUNNING = Account(AccountScope.TEAM, "video", "at-once", Meter.IN_FLIGHT, "")
LIFE = Account(AccountScope.KEY, "key_1", "budget", Meter.JOBS, "total")

amounts = st.integers(0, MAX_AMOUNT)
percents = st.integers(1, 999)
thresholds = st.lists(percents, max_size=5, unique=True).map(tuple)


def level(account: Account, ceiling: int, posted: int, held: int = 0, team: str | None = "video") -> Level:
    monthly = account.window == "2026-11"
    demand = Demand(account, 0, ceiling, True, "month" if monthly else "", MONTH_END if monthly else None)
    return Level(team, demand, Balance(posted, held))


def raised(one: Level, now: datetime = NOON, *at: int) -> tuple[Alert, ...]:
    return alerts(at or (50, 80, 100), one, "acme", CALENDAR, now)


# --- What is reached ---


@given(thresholds, amounts, amounts, st.integers(-5, MAX_AMOUNT))
def test_it_is_reached_where_the_exact_share_is(at: tuple[int, ...], ceiling: int, held: int, posted: int) -> None:
    used = posted + held
    expected = tuple(one for one in at if used > 0 and Fraction(used) >= Fraction(ceiling) * Fraction(one, 100))
    assert reached(at, ceiling, Balance(posted, held)) == expected


@given(percents, st.integers(1, 10**12))
def test_the_last_micro_usd_up_to_the_share_reaches_it(percent: int, hundredth: int) -> None:
    share = percent * hundredth
    assert reached((percent,), 100 * hundredth, Balance(share - 1, 0)) == ()
    assert reached((percent,), 100 * hundredth, Balance(share, 0)) == (percent,)


@pytest.mark.parametrize(("used", "expected"), [(0, ()), (1, (50,)), (2, (50,)), (3, (50, 100)), (9, (50, 100))])
def test_a_third_of_a_micro_usd_is_neither_lost_nor_given(used: int, expected: tuple[int, ...]) -> None:
    """Half of 2, and all of 3: 50 % of a ceiling of 3 are one and a half."""
    ceiling = 2 if used < 2 else 3
    assert reached((50, 100), ceiling, Balance(used, 0)) == expected


@given(thresholds, amounts, amounts, amounts, amounts)
def test_more_used_and_a_lower_ceiling_reach_no_less(
    at: tuple[int, ...], ceiling: int, posted: int, more: int, less: int
) -> None:
    before = set(reached(at, ceiling, Balance(posted, 0)))
    assert before <= set(reached(at, ceiling, Balance(posted, more)))
    assert before <= set(reached(at, max(0, ceiling - less), Balance(posted, 0)))


def test_held_counts_as_posted_does() -> None:
    assert reached((50,), 100, Balance(20, 30)) == reached((50,), 100, Balance(50, 0)) == (50,)
    assert reached((50,), 100, Balance(20, 29)) == ()


@given(thresholds, amounts)
def test_where_nothing_is_used_nothing_is_reached_and_a_ceiling_of_0_is_reached_by_anything(
    at: tuple[int, ...], used: int
) -> None:
    assert reached(at, 0, Balance(0, 0)) == reached(at, 0, Balance(-used, 0)) == ()
    assert reached(at, 0, Balance(used + 1, 0)) == at


# --- Once in a window ---


@given(st.lists(st.tuples(amounts, amounts), max_size=6), thresholds)
def test_however_it_moves_and_whatever_the_ceiling_each_threshold_has_one_name(
    looks: list[tuple[int, int]], at: tuple[int, ...]
) -> None:
    names: dict[int, set[str]] = {}
    for minutes, (ceiling, posted) in enumerate(looks):
        now = NOON + timedelta(minutes=minutes)
        for one in alerts(at, level(TEAM, ceiling, posted), "acme", CALENDAR, now):
            names.setdefault(one.threshold, set()).add(one.id)
    assert all(len(ids) == 1 for ids in names.values())
    assert len(set().union(*names.values())) == len(names)


def test_the_lowest_is_told_first_whatever_the_order_in_the_file() -> None:
    told = raised(level(TEAM, 100, 100), NOON, 100, 50, 80)
    assert [one.threshold for one in told] == [50, 80, 100]


def test_another_account_or_window_is_another_alert() -> None:
    others = [TEAM, ORGANIZATION, LIFE, Account(AccountScope.TEAM, "video", "budget", Meter.USD, "2026-12")]
    assert len({raised(level(one, 1, 1), NOON, 50)[0].id for one in others}) == 4


def test_jobs_at_once_have_no_window_and_are_told_of_daily() -> None:
    def name(hours: int) -> str:
        return raised(level(RUNNING, 2, 0, 2), NOON + timedelta(hours=hours), 100)[0].id

    assert name(0) == name(11) != name(12) == name(35)


def test_it_is_remembered_as_long_as_anything_can_move_its_account() -> None:
    assert raised(level(TEAM, 1, 1))[0].forgotten_at == MONTH_END + KEPT
    assert raised(level(RUNNING, 1, 0, 1))[0].forgotten_at == datetime(2026, 11, 24, tzinfo=UTC) + KEPT
    assert raised(level(LIFE, 1, 1))[0].forgotten_at is None


# --- What is told ---


def test_money_is_told_as_text_of_six_places() -> None:
    [alert] = raised(level(TEAM, 10_000_000, 7_650_000, 350_000), NOON, 80)
    assert document(alert) == json.loads(body(alert)) == {
        "type": "limit.alert",
        "id": alert.id,
        "at": "2026-11-23T12:00:00Z",
        "organization": "acme",
        "team": "video",
        "key": None,
        "limit": "budget",
        "scope": "team",
        "meter": "usd",
        "window": "month",
        "threshold": "80%",
        "ceiling": "10.000000",
        "posted": "7.650000",
        "held": "0.350000",
        "headroom": "2.000000",
        "resets_at": "2026-12-01T00:00:00Z",
    }  # fmt: skip
    assert alert.owner == "video"
    assert facts(alert) == {
        "account": TEAM.name,
        "team": "video",
        "threshold": "80",
        "ceiling": "10000000",
        "posted": "7650000",
        "held": "350000",
    }


def test_counts_are_told_as_numbers_and_a_key_is_named_by_its_id() -> None:
    told = document(raised(level(LIFE, 3, 4), NOON, 100)[0])
    assert (told["key"], told["ceiling"], told["posted"], told["headroom"]) == ("key_1", 3, 4, -1)
    assert (told["window"], told["resets_at"]) == (None, None)


def test_what_is_the_organizations_is_told_to_the_organization() -> None:
    [alert] = raised(level(ORGANIZATION, 1, 1, team=None), NOON, 100)
    assert (alert.owner, document(alert)["team"], facts(alert)["team"]) == ("acme", None, "")
