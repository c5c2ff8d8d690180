"""What a webhook of the provider says, in both forms that its replies have; and what says nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ending import Cancelled, Completed, Failed, JobStatus, Running
from gateway.core.webhook_event import JobTold, read_event

COMPLETED = {
    "jobId": "job_abc123",
    "requestId": "req_xyz789",
    "status": "completed",
    "output": {"imageUrl": "https://cdn.example/1.png", "metadata": {"width": 1024}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "wrap", [lambda body: body, lambda body: {"success": True, "data": body, "requestId": "req_1"}]
)
def test_flat_or_wrapped_it_says_the_same(wrap: object) -> None:
    assert callable(wrap)
    assert read_event(json.dumps(wrap(COMPLETED)).encode()) == JobTold("job_abc123", Completed())
    failed = {**COMPLETED, "status": "failed", "error": {"code": "INTERNAL_ERROR", "message": "..."}}
    assert read_event(json.dumps(wrap(failed)).encode()) == JobTold("job_abc123", Failed())
    assert read_event(json.dumps(wrap({**COMPLETED, "status": "cancelled"})).encode()) == JobTold(
        "job_abc123", Cancelled()
    )
    running = JobTold("job_abc123", Running(JobStatus.PROCESSING))
    assert read_event(json.dumps(wrap({**COMPLETED, "status": "processing"})).encode()) == running


@pytest.mark.parametrize(
    "change",
    [
        {"status": "done"}, {"status": None}, {"status": "Completed"}, {"status": ["completed"]},
        {"jobId": None}, {"jobId": 7}, {"jobId": ""}, {"jobId": "a b"}, {"jobId": "é"}, {"jobId": "x" * 257},
    ],
)  # fmt: skip
def test_what_names_no_job_or_no_documented_status_says_nothing(change: dict[str, object]) -> None:
    assert read_event(json.dumps({**COMPLETED, **change}).encode()) is None


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_raises(body: bytes) -> None:
    assert read_event(body) is None
