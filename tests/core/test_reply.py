"""What the upstream's answer to a submit means: only a documented refusal frees a hold."""

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.money import MAX_AMOUNT
from gateway.core.reply import (
    DOCUMENTED_CODES,
    REFUSAL_STATUSES,
    Accepted,
    Rejected,
    Reply,
    Unknown,
    UpstreamResult,
    error_code,
    read_cost,
    read_submit_reply,
)
from gateway.sandbox.replies import STATUS_OF
from tests.walkthrough.outcomes import bare, envelope

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["jobId", "data", "error", "code", "x"]), inner),
    max_leaves=8,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode())
STATUSES = st.integers(200, 599)
HTML = b"<html>no</html>"


def read(status: int, body: bytes) -> UpstreamResult:
    return read_submit_reply(Reply(status, {}, body))


@given(STATUSES, BODIES | st.sampled_from(sorted(DOCUMENTED_CODES)).map(envelope))
@example(200, b'{"costMicroCents":1e999999999999999999,"jobId":"a"}')
@example(200, b"[" * 100_000)
@example(200, b'{"jobId":"a","costMicroCents":' + b"9" * 5000 + b"}")
@example(400, b'{"error":{"code":["INVALID_INPUT"]}}')
def test_whatever_comes_a_hold_is_freed_by_a_documented_refusal_alone(status: int, body: bytes) -> None:
    result = read(status, body)
    match result:
        case Accepted(job_id, cost, reply):
            assert 200 <= status < 300
            assert job_id
            assert job_id.isascii()
            assert cost is None or 0 <= cost <= MAX_AMOUNT
            assert reply.body is body
        case Rejected(reply):
            assert status in REFUSAL_STATUSES
            assert error_code(body) in DOCUMENTED_CODES
            assert reply.body is body
        case Unknown(_, reply):
            # Only the upstream's own 5xx is passed on; anything else unknown is ours to tell.
            assert (reply is not None) == (status >= 500)
        case _:
            raise AssertionError(f"{result} is no reading of an answer")


def test_every_documented_code_is_read_in_every_documented_form() -> None:
    assert set(STATUS_OF) == DOCUMENTED_CODES
    for code in DOCUMENTED_CODES:
        for body in (envelope(code), bare(code)):
            assert error_code(body) == code
            assert isinstance(read(400, body), Rejected)


@pytest.mark.parametrize("status", sorted(REFUSAL_STATUSES))
def test_a_refusal_needs_the_providers_words(status: int) -> None:
    assert isinstance(read(status, envelope("INVALID_INPUT")), Rejected)
    for body in (HTML, b"", b"{}", bare("NEW_CODE"), b'{"code":"INVALID_INPUT"}', b'{"error":"INVALID_INPUT"}'):
        assert read(status, body) == Unknown(f"undocumented {status}", surprising=True)


@pytest.mark.parametrize("status", [405, 408, 409, 410, 425, 451, 499])
def test_other_refusals_free_nothing_even_in_the_providers_words(status: int) -> None:
    assert read(status, envelope("INVALID_INPUT")) == Unknown(f"undocumented {status}", surprising=True)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_5xx_is_passed_on_and_settles_nothing(status: int) -> None:
    for body, surprising in ((envelope("INTERNAL_ERROR"), False), (HTML, True), (envelope("NEW_CODE"), True)):
        cause = f"{'undocumented' if surprising else 'status'} {status}"
        assert read(status, body) == Unknown(cause, Reply(status, {}, body), surprising)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_no_answer(status: int) -> None:
    assert read(status, envelope("INVALID_INPUT")) == Unknown(f"redirect {status}", surprising=True)


@pytest.mark.parametrize(
    ("body", "job_id", "cost"),
    [
        (b'{"jobId":"job_1","costMicroCents":700000}', "job_1", 700_000),
        (b'{"success":true,"data":{"jobId":"job_1","costMicroCents":7},"requestId":"r"}', "job_1", 7),
        (b'{"success":true,"data":{"jobId":"job_1","estimatedCost":7}}', "job_1", 7),
        (b'{"jobId":"job_1","estimatedCost":7,"data":null}', "job_1", 7),
        (b'{"jobId":"job_1"}', "job_1", None),
        # A cost out of all bounds is a cost unknown: the job was taken all the same.
        (b'{"jobId":"job_1","costMicroCents":' + b"9" * 5000 + b"}", "job_1", None),
        (b'{"jobId":"job_1","costMicroCents":1e99999999999999999999}', "job_1", None),
        (b'{"jobId":"job_1","costMicroCents":1e-99999999999999999999}', "job_1", None),
        (b'{"jobId":"' + b"j" * 256 + b'","costMicroCents":0}', "j" * 256, 0),
    ],
)
def test_a_job_in_both_dialects_wrapped_or_not(body: bytes, job_id: str, cost: int | None) -> None:
    assert read(200, body) == Accepted(job_id, cost, Reply(200, {}, body))
    assert isinstance(read(299, body), Accepted)


@pytest.mark.parametrize(
    "job_id",
    ["", " ", "job 1", "job\n1", "job\u00e9", "\u202e1", "j" * 257, 7, None, True, ["job_1"], {"id": "job_1"}],
)
def test_a_job_id_that_cannot_be_one(job_id: object) -> None:
    assert read(200, json.dumps({"jobId": job_id}).encode()) == Unknown("no job id", surprising=True)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', HTML, b'{"jobId":"a"', b'\xff{"jobId":"a"}', b"7"])
def test_a_success_that_cannot_be_read(body: bytes) -> None:
    assert read(200, body) == Unknown("unreadable 200", surprising=True)


@pytest.mark.parametrize(
    ("named", "cost"),
    [
        (0, 0),
        (700_000, 700_000),
        (MAX_AMOUNT, MAX_AMOUNT),
        (MAX_AMOUNT + 1, None),
        (10**400, None),
        (-1, None),
        (Decimal("700000.0"), 700_000),
        (Decimal("0.0000001"), 1),
        (Decimal("1e-999999"), 1),
        (Decimal("7e5"), 700_000),
        (Decimal("1e400"), None),
        (Decimal("-0.5"), None),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (float("nan"), None),
        ("700000", None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_cost_is_a_whole_number_rounded_up_or_not_known(named: object, cost: int | None) -> None:
    assert read_cost({"costMicroCents": named}) == cost
    assert read_cost({"estimatedCost": named}) == cost


def test_the_reference_form_of_a_cost_comes_first() -> None:
    assert read_cost({"costMicroCents": 1, "estimatedCost": 2}) == 1
    assert read_cost({}) is None


@pytest.mark.parametrize(
    ("said", "read_as"),
    [("2026-11-24T02:44:16Z", "2026-11-24T02:44:16Z"), ("soon", None), (5, None), (None, None), ("2026-11-24", None)],
)
def test_when_a_job_may_end_is_an_instant_or_nothing(said: object, read_as: str | None) -> None:
    for body in (
        {"jobId": "a", "estimatedCompletionTime": said},
        {"data": {"jobId": "a", "estimatedCompletionTime": said}},
    ):
        result = read(200, json.dumps(body).encode())
        assert isinstance(result, Accepted)
        assert result.estimated_at == read_as
