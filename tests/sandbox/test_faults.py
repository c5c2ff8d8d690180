from dataclasses import replace

import pytest

from gateway.sandbox.faults import FLAGS, NAMES, Faults, from_text, merge, merge_headers
from gateway.sandbox.replies import STATUS_OF, Refusal


def test_nothing_asked_is_nothing_changed() -> None:
    calm = Faults()
    assert merge(calm, {}) == calm
    assert merge_headers(calm, {"X-Request-Id": "a", "Accept": "*/*"}) is calm
    assert calm.error_status is None


def test_a_request_changes_what_it_names_and_keeps_the_rest() -> None:
    slow = Faults(latency_ms=50, wrapped=True)
    assert merge(slow, {"status": 503, "latency_ms": 9}) == replace(slow, status=503, latency_ms=9)


def test_headers_say_the_same_in_text() -> None:
    headers = {
        "X-Sandbox-Latency-Ms": "200",
        "x-sandbox-hang": "true",
        "X-SANDBOX-CODE": "USER_BANNED",
        "X-Sandbox-Cost-Factor": "1.5",
        "X-Sandbox-Redirect": "http://127.0.0.1:1/",
        "X-Sandbox-Cost": '"700000"',
    }
    assert merge_headers(Faults(), headers) == Faults(
        latency_ms=200, hang=True, code="USER_BANNED", cost_factor="1.5", redirect="http://127.0.0.1:1/", cost="700000"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency": 5},
        {"latency_ms": -1},
        {"latency_ms": "5"},
        {"latency_ms": True},
        {"latency_ms": float("nan")},
        {"hang": "true"},
        {"hang": 1},
        {"status": 99},
        {"status": 600},
        {"status": 503.0},
        {"code": 5},
        {"code": ""},
        {"redirect": "http://x/\r\nSet-Cookie: a"},
        {"error_body": "xml"},
        {"cost_factor": "1e9"},
        {"cost_factor": -1},
        {"cost_factor": "1/0"},
        {"cost_factor": None},
        {"media_seconds": 5.5},
        [],
        "hang",
        None,
    ],
)
def test_a_fault_that_cannot_be_read_is_refused_rather_than_left_out(wrong: object) -> None:
    refusal = merge(Faults(), wrong)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "INVALID_INPUT"


def test_an_unknown_header_is_refused_too() -> None:
    assert isinstance(merge_headers(Faults(), {"X-Sandbox-Latncy-Ms": "5"}), Refusal)


@pytest.mark.parametrize(
    ("text", "value"),
    [("503", 503), ("true", True), ("1.5", 1.5), ('"5"', "5"), ("INTERNAL_ERROR", "INTERNAL_ERROR"), ("-3", -3)],
)
def test_text_is_json_where_it_reads_as_json(text: str, value: object) -> None:
    assert from_text(text) == value


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        (Faults(status=400), 400, "INVALID_INPUT"),
        (Faults(status=401), 401, "INVALID_API_KEY"),
        (Faults(status=402), 402, "INSUFFICIENT_BALANCE"),
        (Faults(status=403), 403, "FORBIDDEN"),
        (Faults(status=404), 404, "MODEL_NOT_FOUND"),
        (Faults(status=429), 429, "CONCURRENT_JOBS_EXCEEDED"),
        (Faults(status=500), 500, "INTERNAL_ERROR"),
        (Faults(status=503), 503, "PUBSUB_PUBLISH_FAILED"),
        (Faults(status=409), 409, "INTERNAL_ERROR"),
        (Faults(status=500, code="CONFIG_ERROR"), 500, "CONFIG_ERROR"),
        (Faults(code="NO_SUCH_CODE"), 500, "NO_SUCH_CODE"),
        (Faults(redirect="http://127.0.0.1/"), 307, "INTERNAL_ERROR"),
        (Faults(redirect="http://127.0.0.1/", status=302), 302, "INTERNAL_ERROR"),
    ],
)
def test_a_status_and_a_code_bring_each_other(faults: Faults, status: int, code: str) -> None:
    assert (faults.error_status, faults.error_code) == (status, code)


@pytest.mark.parametrize("code", STATUS_OF)
def test_every_documented_code_brings_its_status(code: str) -> None:
    assert Faults(code=code).error_status == STATUS_OF[code]


def test_a_status_below_300_is_no_error() -> None:
    assert Faults(status=202).error_status is None


def test_every_fault_says_what_it_does() -> None:
    assert all(NAMES.values())
    assert {"hang", "accepted", "wrapped"} <= FLAGS < NAMES.keys()
