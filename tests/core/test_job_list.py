"""What may be asked of a list of jobs, and the form of a page."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ending import JobStatus
from gateway.core.job import Malformed
from gateway.core.job_list import JobPage, JobRow, Place, Wanted, cursor_of, document_of, read_cursor, read_wanted

AT = datetime(2026, 11, 24, 2, 44, 16, 5_999, tzinfo=UTC)
PLACE = Place(1_764_000_000_000_000, "hold_1")
ROW = JobRow("job_1", JobStatus.PENDING, "a/b", AT, None, PLACE)
PLACES = st.builds(
    Place,
    st.integers(0, 2**53 - 1),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60),
)


def test_what_is_asked_for_without_a_word() -> None:
    assert read_wanted([]) == Wanted(20, None, None, None)


def test_everything_that_may_be_asked_for() -> None:
    query = [("limit", "100"), ("cursor", cursor_of(PLACE)), ("status", "failed"), ("modelId", "a/b"), ("x", "y")]
    assert read_wanted(query) == Wanted(100, PLACE, JobStatus.FAILED, "a/b")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[("limit", text) for text in ("0", "101", "-1", "", "ten", "1.0", "1e1", " 5", "\u0665", "0" * 50, "+1")],
        *[("status", text) for text in ("", "done", "PENDING", "pending,failed")],
        *[("cursor", text) for text in ("", "x", "e30=", "bnVsbA==", "\u0665", "A" * 600, "WzEsMl0=", "Wy0xLCJhIl0=")],
        ("modelId", ""),
    ],
)
def test_what_cannot_be_asked_for_is_named(name: str, text: str) -> None:
    wrong = read_wanted([(name, text)])
    assert isinstance(wrong, Malformed)
    assert wrong.field == name
    assert name in wrong.message


def test_nothing_is_asked_for_twice() -> None:
    wrong = read_wanted([("limit", "5"), ("limit", "5")])
    assert isinstance(wrong, Malformed)
    assert wrong.field == "limit"


@given(PLACES)
def test_a_cursor_leads_back_to_its_place(place: Place) -> None:
    assert read_cursor(cursor_of(place)) == place


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_a_cursor_of_anybodys_making_is_a_place_or_none(text: str) -> None:
    place = read_cursor(text)
    assert place is None or (0 <= place.admitted_us < 2**53 and place.hold)


def test_a_row_is_taken_by_what_is_wanted() -> None:
    assert Wanted().takes(ROW)
    assert Wanted(status=JobStatus.PENDING, model="a/b").takes(ROW)
    assert not Wanted(status=JobStatus.FAILED, model="a/b").takes(ROW)
    assert not Wanted(status=JobStatus.PENDING, model="a").takes(ROW)


def test_a_page_looks_as_the_provider_shows_one() -> None:
    ended = JobRow("job_2", JobStatus.COMPLETED, "c/d", AT, AT, PLACE)
    page = document_of(JobPage((ROW, ended), PLACE))
    assert page == {
        "jobs": [
            {
                "jobId": "job_1",
                "status": "pending",
                "progress": 0,
                "model": "a/b",
                "createdAt": "2026-11-24T02:44:16.005Z",
                "completedAt": None,
            },
            {
                "jobId": "job_2",
                "status": "completed",
                "progress": 100,
                "model": "c/d",
                "createdAt": "2026-11-24T02:44:16.005Z",
                "completedAt": "2026-11-24T02:44:16.005Z",
            },
        ],
        "nextCursor": cursor_of(PLACE),
        "hasMore": True,
    }
    assert document_of(JobPage((), None)) == {"jobs": [], "nextCursor": None, "hasMore": False}


@pytest.mark.parametrize(
    ("status", "progress"), [("pending", 0), ("processing", 50), ("completed", 100), ("failed", 0), ("cancelled", 0)]
)
def test_progress_has_the_documented_steps(status: str, progress: int) -> None:
    row = JobRow("job_1", JobStatus(status), "a/b", AT, None, PLACE)
    (shown,) = json.loads(json.dumps(document_of(JobPage((row,), None))))["jobs"]
    assert shown["progress"] == progress
