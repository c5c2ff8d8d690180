"""A submission as the client's answer: whose bytes, which status, which headers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict

from gateway.core.account import AccountScope, Balance, Demand
from gateway.core.outcome import Charged, Holding, InDoubt, Overloaded, TurnedDown, Unsent
from gateway.core.refusal import refusal
from gateway.core.reply import Reply
from gateway.web.answers import answer
from gateway.web.problem import GatewayError
from gateway.web.told import Told
from tests.adapters.redis.holds import JOBS, ORGANIZATION, TEAM, admission, demand

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COST = 700_000
BODY = b'{"jobId": "job_1"}'


def holding(*standing: tuple[Demand, Balance]) -> Holding:
    pairs = standing or ((demand(TEAM, COST, 5_000_000), Balance(0, COST)),)
    asked = admission("h1", *(one for one, _ in pairs))
    return Holding(asked.hold, asked.demands, tuple(balance for _, balance in pairs))


def reply(status: int, body: bytes = BODY, **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CIMultiDict({"Content-Type": "application/json", **sent}), body)


def passed_on(told: object) -> Told:
    assert isinstance(told, Told)
    return told


def ours(told: object) -> GatewayError:
    assert isinstance(told, GatewayError)
    return told


def test_an_accepted_job_is_the_upstreams_answer_with_what_it_cost_us() -> None:
    charged = Charged(holding((demand(TEAM, COST, 5_000_000), Balance(COST, 0))), reply(201), "job_1", COST)
    told = passed_on(answer(charged, None, NOW))
    assert (told.status, told.body) == (201, BODY)
    assert dict(told.headers) == {
        "Content-Type": "application/json",
        "Tollhouse-Cost-Usd": "0.700000",
        "Tollhouse-Hold-Id": "h1",
        "Tollhouse-Limit": "spend",
        "Tollhouse-Headroom-Usd": "4.300000",
        "Tollhouse-Resets-At": "2026-12-01T00:00:00Z",
    }


def test_the_tightest_money_limit_after_the_job_is_told() -> None:
    shadow = replace(demand(TEAM, COST, 1, enforced=False), account=replace(TEAM, limit="shadow"))
    never_ends = replace(demand(TEAM, COST, 3_000_000), resets_at=None, account=replace(TEAM, limit="in-all"))
    standing = (
        (demand(ORGANIZATION, COST, 9_000_000), Balance(COST, 0)),
        (shadow, Balance(COST, 0)),
        (never_ends, Balance(COST, 2_400_000)),
        (demand(JOBS, 1, 1), Balance(1, 0)),
    )
    told = passed_on(answer(Charged(holding(*standing), reply(200), "job_1", COST), None, NOW))
    assert told.headers["Tollhouse-Limit"] == "in-all"
    assert told.headers["Tollhouse-Headroom-Usd"] == "-0.100000"
    assert "Tollhouse-Resets-At" not in told.headers


def test_without_a_limit_on_money_there_is_none_to_tell() -> None:
    told = passed_on(answer(Charged(holding((demand(JOBS, 1, 9), Balance(1, 0))), reply(200), "j", COST), None, NOW))
    assert told.headers["Tollhouse-Cost-Usd"] == "0.700000"
    assert not [name for name in told.headers if name in ("Tollhouse-Limit", "Tollhouse-Headroom-Usd")]


def test_a_refusal_of_the_upstream_is_its_own_and_costs_nothing() -> None:
    told = passed_on(answer(TurnedDown(holding(), reply(429, b"{ }", Retry_After="9", X_Theirs="x")), None, NOW))
    assert (told.status, told.body) == (429, b"{ }")
    assert dict(told.headers) == {
        "Content-Type": "application/json",
        "Retry-After": "9",
        "Tollhouse-Hold-Id": "h1",
        "Tollhouse-Error-Source": "upstream",
    }


def test_a_5xx_is_the_upstreams_own_but_not_its_advice_to_try_again() -> None:
    told = passed_on(answer(InDoubt(holding(), "status 503", reply(503, b"<p>", Retry_After="1")), None, NOW))
    assert (told.status, told.body) == (503, b"<p>")
    assert told.headers["Tollhouse-Error-Source"] == "upstream"
    assert told.headers["x-should-retry"] == "false"
    assert told.headers["Tollhouse-Cost-Usd"] == "0.700000"
    assert told.headers["Tollhouse-Hold-Id"] == "h1"
    assert "Retry-After" not in told.headers


def test_an_outcome_that_nobody_knows_is_ours_to_tell() -> None:
    told = ours(answer(InDoubt(holding(), "TimeoutError", None), None, NOW))
    assert (told.status, told.code, told.details) == (504, "SUBMIT_OUTCOME_UNKNOWN", {"hold": "h1"})
    assert told.headers["x-should-retry"] == "false"
    assert told.headers["Tollhouse-Cost-Usd"] == "0.700000"
    assert told.headers["Tollhouse-Hold-Id"] == "h1"
    assert told.retry_after is None
    assert "TimeoutError" not in told.message


def test_what_was_never_sent_costs_nothing_and_may_be_tried_again() -> None:
    told = ours(answer(Unsent(holding(), "ClientConnectorError"), None, NOW))
    assert (told.status, told.code) == (502, "UPSTREAM_UNREACHABLE")
    assert dict(told.headers) == {"Tollhouse-Hold-Id": "h1"}


def test_what_was_never_held_is_refused_with_whom_to_ask() -> None:
    found = refusal([demand(TEAM, COST, COST)], [Balance(1, 0)])
    assert found is not None
    told = ours(answer(found, "leads@example.com", NOW))
    assert (told.code, told.details["owner"]) == ("BUDGET_EXCEEDED", "leads@example.com")
    assert TEAM.scope is AccountScope.TEAM
    assert ours(answer(Overloaded(), None, NOW)).code == "OVERLOADED"


@pytest.mark.parametrize("status", [200, 299])
def test_a_success_has_no_source_of_an_error(status: int) -> None:
    told = passed_on(answer(Charged(holding(), reply(status), "job_1", COST), None, NOW))
    assert "Tollhouse-Error-Source" not in told.headers
