"""The table of errors: every code has its row, its status and its headers."""

import pytest

from gateway.web import errors
from gateway.web.problem import GatewayError

LIMIT = {"limit": "films"}
ROWS = {
    "key missing": errors.key_missing(),
    "key invalid": errors.key_invalid(),
    "key inactive": errors.key_inactive(),
    "key expired": errors.key_expired(),
    "address": errors.address_not_allowed(),
    "scope": errors.scope_missing("submit_job"),
    "not allowed": errors.not_allowed("No."),
    "price": errors.price_unknown("a/b", "2"),
    "input": errors.invalid_input("input", "No.", ("5", "10")),
    "request": errors.invalid_request("No."),
    "expectation": errors.expectation_failed(),
    "late": errors.body_late(10.0),
    "webhook": errors.invalid_webhook("No."),
    "large": errors.body_too_large(9),
    "type": errors.unsupported_media_type("No."),
    "never": errors.exceeds_limit("No.", LIMIT),
    "budget": errors.budget_exceeded("No.", LIMIT),
    "held": errors.budget_held("No.", LIMIT, 60),
    "quota": errors.quota_exceeded("No.", LIMIT, 3600),
    "quota for ever": errors.quota_exceeded("No.", LIMIT, None),
    "in flight": errors.too_many_in_flight("No.", LIMIT, 10),
    "rate": errors.rate_limited("No.", LIMIT, 1),
    "in progress": errors.submit_in_progress("hold_1"),
    "in doubt": errors.submit_in_doubt("hold_1"),
    "mismatch": errors.idempotency_mismatch(),
    "overloaded": errors.overloaded(),
    "store": errors.store_unavailable(),
    "owner": errors.owner_unknown(),
    "silent": errors.upstream_silent(),
    "unreachable": errors.upstream_unreachable("hold_1"),
    "unknown": errors.outcome_unknown("hold_1"),
    "nothing": errors.not_found(),
    "no job": errors.job_not_found(),
    "method": errors.method_not_allowed("GET,POST"),
    "mistake": errors.internal_error(),
}


def test_the_list_of_codes_is_what_can_happen() -> None:
    statuses: dict[str, set[int]] = {}
    for error in ROWS.values():
        statuses.setdefault(error.code, set()).add(error.status)
    assert statuses == {code: set(listed) for code, listed in errors.CODES.items()}


@pytest.mark.parametrize("error", ROWS.values(), ids=ROWS.keys())
def test_a_message_is_a_sentence(error: GatewayError) -> None:
    assert error.message[0].isupper() or error.message[0] == '"'
    assert error.message.endswith(".")


@pytest.mark.parametrize("error", ROWS.values(), ids=ROWS.keys())
def test_every_401_carries_the_challenge_and_nothing_else_does(error: GatewayError) -> None:
    assert (error.headers.get("WWW-Authenticate") == "Bearer") == (error.status == 401)


@pytest.mark.parametrize(
    ("row", "wait"),
    [
        ("held", 60),
        ("quota", 3600),
        ("in flight", 10),
        ("rate", 1),
        ("in progress", 1),
        ("in doubt", 30),
        ("overloaded", 1),
        ("store", 2),
    ],
)
def test_worth_another_try_after_a_while(row: str, wait: int) -> None:
    assert ROWS[row].retry_after == wait
    assert "x-should-retry" not in ROWS[row].headers


@pytest.mark.parametrize("row", ["never", "budget", "quota for ever", "mismatch", "unknown"])
def test_not_worth_another_try(row: str) -> None:
    assert ROWS[row].headers["x-should-retry"] == "false"
    assert ROWS[row].retry_after is None


@pytest.mark.parametrize("row", ["in progress", "in doubt", "unreachable", "unknown"])
def test_a_hold_is_named(row: str) -> None:
    assert ROWS[row].headers["Tollhouse-Hold-Id"] == "hold_1"


def test_options_are_told_where_there_are_some() -> None:
    assert ROWS["input"].details == {"field": "input", "options": ["5", "10"]}
    assert errors.invalid_input("input", "No.").details == {"field": "input"}


def test_the_methods_of_an_address_are_told() -> None:
    assert ROWS["method"].headers["Allow"] == "GET,POST"
