"""What a reply says of a job's end: only the documented words count, in either form."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ending import (
    Cancelled,
    Completed,
    Ending,
    Failed,
    JobStatus,
    Running,
    read_ending,
    read_status,
)
from gateway.core.money import MAX_AMOUNT
from gateway.core.reply import Reply

AT = datetime(2026, 11, 24, 2, 44, 16, tzinfo=UTC)
CASES: list[tuple[dict[str, Any], Ending | Running | None]] = [
    ({"status": "pending"}, Running(JobStatus.PENDING)),
    ({"status": "processing", "completedAt": None}, Running(JobStatus.PROCESSING)),
    ({"status": "completed", "completedAt": "2026-11-24T02:44:16Z"}, Completed(None, AT)),
    ({"status": "completed", "cost": 480000}, Completed(480_000)),
    ({"status": "completed", "costMicroCents": 7, "cost": 8}, Completed(7)),
    ({"status": "failed", "error": {"code": "GENERATION_FAILED"}}, Failed()),
    ({"status": "failed", "refundedMicroCents": 1}, Failed(1)),
    ({"status": "cancelled", "refundedMicroCents": 700000.5}, Cancelled(700_001)),
    ({"status": "cancelled", "refundedMicroCents": 0}, Cancelled(0)),
    ({"status": "cancelled", "refundedMicroCents": -1}, Cancelled()),
    ({"status": "cancelled", "refundedMicroCents": "5"}, Cancelled()),
    ({"status": "cancelled", "refundedMicroCents": True}, Cancelled()),
    ({"status": "CANCELLED"}, None),
    ({"status": ["cancelled"]}, None),
    ({"status": None}, None),
    ({}, None),
]


def reply(document: object, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(document).encode())


@pytest.mark.parametrize(("fields", "says"), CASES)
def test_flat_and_wrapped_say_the_same(fields: dict[str, Any], says: Ending | Running | None) -> None:
    named = {"jobId": "job_1", **fields}
    for document in (named, {"success": True, "data": named, "requestId": "req_1"}):
        assert read_status(reply(document), "job_1") == says


@pytest.mark.parametrize("status", [199, 300, 302, 400, 404, 500])
def test_an_error_is_no_evidence_whatever_it_says(status: int) -> None:
    assert read_status(reply({"jobId": "job_1", "status": "failed"}, status)) is None


def test_a_reply_about_another_job_says_nothing() -> None:
    said = {"jobId": "job_2", "status": "failed"}
    assert read_status(reply(said), "job_1") is None
    assert read_status(reply({"data": said}), "job_1") is None
    assert read_status(reply(said), "job_2") == Failed()


def test_a_cancels_reply_may_leave_the_job_out() -> None:
    assert read_status(reply({"status": "cancelled", "refundedMicroCents": 5}), "job_1") == Cancelled(5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(JobStatus)),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["jobId", "status", "data", "cost", "refundedMicroCents", "completedAt"]), inner
        )
    ),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_an_amount_is_one_that_can_be_booked(body: bytes) -> None:
    match read_status(Reply(200, {}, body)):
        case Completed(amount) | Failed(amount) | Cancelled(amount):
            assert amount is None or 0 <= amount <= MAX_AMOUNT
        case Running(status):
            assert status in (JobStatus.PENDING, JobStatus.PROCESSING)


def test_a_row_and_a_webhook_are_read_alike() -> None:
    assert read_ending({"jobId": "job_1", "status": "completed", "model": "m", "progress": 100}) == Completed()
