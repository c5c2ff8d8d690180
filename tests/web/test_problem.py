"""The gateway's errors on the wire: the upstream's envelope, or problem details for who prefers them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.problem import GatewayError, prefers_problem, render
from gateway.web.told import Told

ERROR = GatewayError(429, "QUOTA_EXCEEDED", "No more.", {"limit": "films"}, {"x-should-retry": "false"}, 7)


def document(response: Told) -> Any:
    return json.loads(response.body)


def test_the_envelope_is_the_upstreams() -> None:
    response = render(ERROR, "req_1", "")
    assert response.status == 429
    assert document(response) == {
        "success": False,
        "error": {
            "code": "QUOTA_EXCEEDED",
            "message": "No more.",
            "details": {"source": "gateway", "limit": "films", "retryAfter": 7},
        },
        "requestId": "req_1",
    }
    assert dict(response.headers) == {
        "Content-Type": "application/json",
        "Tollhouse-Error-Source": "gateway",
        "X-Request-Id": "req_1",
        "x-should-retry": "false",
        "Retry-After": "7",
    }


def test_problem_details_say_the_same() -> None:
    response = render(ERROR, "req_1", "application/problem+json")
    assert document(response) == {
        "type": "urn:tollhouse:error:QUOTA_EXCEEDED",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "No more.",
        "code": "QUOTA_EXCEEDED",
        "details": {"source": "gateway", "limit": "films", "retryAfter": 7},
        "requestId": "req_1",
    }
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "7"


def test_without_a_wait_there_is_no_word_of_one() -> None:
    response = render(GatewayError(402, "BUDGET_EXCEEDED", "No more."), "req_1", "")
    assert "Retry-After" not in response.headers
    assert document(response)["error"]["details"] == {"source": "gateway"}


def test_details_cannot_disown_their_source() -> None:
    disowning = GatewayError(
        400, "INVALID_INPUT", "No.", {"source": "upstream"}, {"Tollhouse-Error-Source": "upstream"}
    )
    response = render(disowning, "req_1", "")
    assert document(response)["error"]["details"]["source"] == "gateway"
    assert response.headers["Tollhouse-Error-Source"] == "gateway"
    assert response.response().headers.getall("Tollhouse-Error-Source") == ["gateway"]


@pytest.mark.parametrize(
    "accept",
    [
        "application/problem+json",
        "Application/Problem+JSON",
        "application/problem+json, application/json;q=0.9",
        "application/json; q=0.5 , application/problem+json; q=0.6",
        "application/problem+json, */*;q=0.1",
        "text/html, application/problem+json;q=0.2",
        "application/problem+json;q=0.2, application/*;q=0.1, */*;q=0.9",
        "application/problem+json;charset=utf-8, application/json;q=0.999",
        "application/json;q=0, application/problem+json;q=0.001",
    ],
)
def test_problem_details_when_they_are_preferred(accept: str) -> None:
    assert prefers_problem(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/*",
        "text/html",
        "application/problem+json, application/json",
        "application/problem+json, */*",
        "application/problem+json;q=0.5, */*;q=0.5",
        "application/problem+json;q=0.5, application/json",
        "application/problem+json;q=0",
        "application/problem+json;q=0, */*",
        "application/problem+json;q=2",
        "application/problem+json;q=nan",
        "application/problem+json;q=much",
        "application/problem+jsonx",
        "application/problem+json;q=0.2, application/*;q=0.3",
    ],
)
def test_the_envelope_otherwise(accept: str) -> None:
    assert not prefers_problem(accept)


@given(
    st.text(max_size=60) | st.from_regex(r"(application/(problem\+)?json(;q=[0-9.]{0,4})?,? ?){0,4}", fullmatch=True)
)
def test_no_accept_makes_it_raise(accept: str) -> None:
    assert isinstance(prefers_problem(accept), bool)
