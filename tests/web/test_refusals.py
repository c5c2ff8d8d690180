"""Refusals as errors: the code, the numbers, and what to do next."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter, RateDemand
from gateway.core.admission import OverRate
from gateway.core.job import Malformed
from gateway.core.ledger import State
from gateway.core.outcome import Broken, NotHeld, Overloaded, Repeated, StoreDown
from gateway.core.policy import CostPerJobExceeded, InputNotAllowed, ModelNotAllowed, TeamUnknown, Unmetered
from gateway.core.pricing import InputRefused, PriceUnknown
from gateway.core.principal import KeyFault, KeyRefused, Scope
from gateway.core.refusal import Refusal, refusal
from gateway.core.webhook_address import BadAddress
from gateway.web.problem import GatewayError
from gateway.web.refusals import error_of

EMPTY = Balance(0, 0)
NOW = datetime(2026, 11, 30, 22, 59, 30, tzinfo=UTC)
NOTHING: dict[str, object] = {"would_pass": []}
RESETS_AT = datetime(2026, 11, 30, 23, tzinfo=UTC)


def demand(
    meter: Meter = Meter.USD,
    amount: int = 700_000,
    ceiling: int = 1_000_000,
    scope: AccountScope = AccountScope.TEAM,
    name: str = "monthly-spend",
    window: str = "month",
    resets_at: datetime | None = RESETS_AT,
) -> Demand:
    account = Account(scope, "video", name, meter, "2026-11" if window else "")
    return Demand(account, amount, ceiling, enforced=True, window=window, resets_at=resets_at)


def refused(*pairs: tuple[Demand, Balance]) -> GatewayError:
    found = refusal([one for one, _ in pairs], [balance for _, balance in pairs])
    assert isinstance(found, Refusal)
    return told(found)


def told(refused: NotHeld) -> GatewayError:
    return error_of(refused, "video-leads@example.com", NOW)


def test_a_used_up_budget_shows_the_limit_the_numbers_and_the_way_out() -> None:
    error = refused((demand(), Balance(800_000, 50_000)))
    assert (error.status, error.code, error.retry_after) == (402, "BUDGET_EXCEEDED", None)
    assert error.message == (
        'The limit "monthly-spend" of team "video" is 1.00 USD per month: '
        "0.80 USD posted, 0.05 USD held, 0.70 USD required. "
        "Wait until it resets at 2026-11-30T23:00:00Z, or ask video-leads@example.com for more."
    )
    row = {
        "scope": "team",
        "meter": "usd",
        "window": "month",
        "mode": "enforce",
        "ceiling": "1.000000",
        "posted": "0.800000",
        "held": "0.050000",
        "headroom": "0.150000",
        "required": "0.700000",
        "resets_at": "2026-11-30T23:00:00Z",
        "verdict": "exceeded",
    }
    assert error.details == {
        "limit": "monthly-spend",
        **row,
        "owner": "video-leads@example.com",
        "failed": [{"name": "monthly-spend", **row}],
        "matched": [{"name": "monthly-spend", **row}],
        **NOTHING,
    }


def test_a_budget_without_end_says_that_waiting_is_no_use() -> None:
    error = refused((demand(window="total", resets_at=None), Balance(1_000_001, 0)))
    assert error.code == "BUDGET_EXCEEDED"
    assert error.details["resets_at"] is None
    assert error.details["headroom"] == "-0.000001"
    assert "It never resets; ask video-leads@example.com for more." in error.message
    assert "1.000001 USD posted" in error.message
    assert "per total" not in error.message


def test_a_budget_that_is_only_held_says_try_again() -> None:
    error = refused((demand(), Balance(0, 700_000)))
    assert (error.code, error.retry_after) == ("BUDGET_HELD", 60)
    assert "try again" in error.message


def test_a_job_that_never_fits() -> None:
    error = refused((demand(amount=1_000_001), Balance(0, 0)))
    assert (error.code, error.headers["x-should-retry"]) == ("REQUEST_EXCEEDS_LIMIT", "false")
    assert "can never fit" in error.message


def test_a_quota_counts_in_whole_numbers_and_seconds_to_its_reset() -> None:
    error = refused((demand(Meter.SECONDS, 10, 60, name="film", window="day"), Balance(55, 0)))
    assert (error.status, error.code, error.retry_after) == (429, "QUOTA_EXCEEDED", 30)
    assert (error.details["ceiling"], error.details["required"], error.details["headroom"]) == (60, 10, 5)
    assert "60 seconds per day: 55 seconds posted" in error.message


def test_jobs_in_flight() -> None:
    error = refused((demand(Meter.IN_FLIGHT, 1, 2, name="parallel", window="", resets_at=None), Balance(0, 2)))
    assert (error.status, error.code, error.retry_after) == (429, "CONCURRENT_JOBS_EXCEEDED", 10)
    assert (error.details["window"], error.details["held"]) == (None, 2)
    assert "Wait for a running job to end" in error.message


def test_every_limit_that_refused_is_listed_and_the_organizations_has_no_owner_in_the_team() -> None:
    whole = demand(scope=AccountScope.ORGANIZATION, name="organization-month")
    error = refused((whole, Balance(900_000, 0)), (demand(), Balance(900_000, 0)))
    assert (error.details["limit"], error.details["owner"]) == ("organization-month", None)
    failed = error.details["failed"]
    assert isinstance(failed, list)
    assert [row["name"] for row in failed] == ["organization-month", "monthly-spend"]
    assert "video-leads" not in error.message


def test_every_limit_that_matched_is_listed_with_its_verdict_those_with_room_and_in_shadow_too() -> None:
    shadow = replace(demand(name="would-refuse", ceiling=1), enforced=False)
    error = refused((demand(name="ample", ceiling=9_000_000), EMPTY), (shadow, EMPTY), (demand(), Balance(900_000, 0)))
    matched = error.details["matched"]
    assert isinstance(matched, list)
    told = [(row["name"], row["mode"], row["verdict"]) for row in matched]
    assert told == [
        ("ample", "enforce", "ok"),
        ("would-refuse", "shadow", "never"),
        ("monthly-spend", "enforce", "exceeded"),
    ]
    assert error.details["limit"] == "monthly-spend"


@pytest.mark.parametrize(("microseconds", "seconds"), [(1, 1), (1_000_000, 1), (1_000_001, 2)])
def test_a_rate_names_the_whole_seconds_to_wait(microseconds: int, seconds: int) -> None:
    rate = RateDemand("submits", AccountScope.KEY, "key_1", 1_000_000, 10)
    error = told(OverRate(rate, microseconds))
    assert (error.status, error.code, error.retry_after) == (429, "RATE_LIMITED", seconds)
    assert error.details == {"limit": "submits", "scope": "key", "meter": "requests"}


@pytest.mark.parametrize(
    ("reason", "status", "code", "details"),
    [
        (KeyRefused(KeyFault.REVOKED), 401, "API_KEY_INACTIVE", {}),
        (KeyRefused(KeyFault.TEAM_REMOVED), 401, "API_KEY_INACTIVE", {}),
        (KeyRefused(KeyFault.EXPIRED), 401, "API_KEY_EXPIRED", {}),
        (KeyRefused(KeyFault.REPLACED), 401, "INVALID_API_KEY", {}),
        (KeyRefused(KeyFault.ADDRESS), 403, "IP_NOT_WHITELISTED", {}),
        (KeyRefused(KeyFault.SCOPE, Scope.SUBMIT_JOB), 403, "OPERATION_NOT_ALLOWED", {"scope": "submit_job"}),
        (TeamUnknown("video"), 401, "API_KEY_INACTIVE", {}),
        (
            ModelNotAllowed("a/b", AccountScope.KEY, ("a/c", "b/*")),
            403,
            "MODEL_ACCESS_DENIED",
            {"model": "a/b", "scope": "key", "models": ["a/c", "b/*"], **NOTHING},
        ),
        (
            InputNotAllowed("has_sound", ("false",)),
            403,
            "MODEL_ACCESS_DENIED",
            {"field": "has_sound", "options": ["false"], **NOTHING},
        ),
        (
            Unmetered("a/b", "film", AccountScope.TEAM),
            403,
            "MODEL_ACCESS_DENIED",
            {"model": "a/b", "limit": "film", "scope": "team", **NOTHING},
        ),
        (
            CostPerJobExceeded(500_000, 700_000),
            402,
            "REQUEST_EXCEEDS_LIMIT",
            {
                "limit": "cost_per_job",
                "scope": "team",
                "meter": "usd",
                "ceiling": "0.500000",
                "required": "0.700000",
                **NOTHING,
            },
        ),
        (Malformed("input", '"input" is missing.'), 400, "INVALID_INPUT", {"field": "input"}),
        (InputRefused("duration", "No.", ("5",)), 400, "INVALID_INPUT", {"field": "duration", "options": ["5"]}),
        (BadAddress("No."), 400, "INVALID_WEBHOOK_URL", {"field": "webhookUrl"}),
        (PriceUnknown("a/b", None), 403, "PRICE_UNKNOWN", {"model": "a/b", "version": None}),
        (Overloaded(), 503, "OVERLOADED", {}),
        (StoreDown("frozen"), 503, "STORE_UNAVAILABLE", {}),
        (Broken("the body"), 500, "INTERNAL_ERROR", {}),
        (Repeated("hold_1", State.HELD, same_body=True), 409, "IDEMPOTENCY_IN_PROGRESS", {"hold": "hold_1"}),
        (Repeated("hold_1", State.IN_DOUBT, same_body=True), 409, "IDEMPOTENCY_IN_PROGRESS", {"hold": "hold_1"}),
        (Repeated("hold_1", State.CAPTURED, same_body=False), 422, "IDEMPOTENCY_MISMATCH", {}),
    ],
)
def test_every_other_reason(reason: NotHeld, status: int, code: str, details: dict[str, object]) -> None:
    error = told(reason)
    assert (error.status, error.code, error.details) == (status, code, details)


def test_a_repeat_waits_longer_for_what_is_in_doubt() -> None:
    assert told(Repeated("hold_1", State.HELD, same_body=True)).retry_after == 1
    assert told(Repeated("hold_1", State.IN_DOUBT, same_body=True)).retry_after == 30


def test_prices_and_ceilings_of_one_job_are_told() -> None:
    error = told(CostPerJobExceeded(500_000, 700_000))
    assert error.message == "This job costs 0.70 USD, and one job of this team may cost 0.50 USD."
