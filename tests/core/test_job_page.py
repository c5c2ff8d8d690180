"""A page of the upstream's list is read whole or not at all."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ending import Completed, JobStatus, Running
from gateway.core.job_page import JobPage, Listed, UnreadablePage, read_page
from gateway.core.reply import Reply

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW = {
    "jobId": "job_1",
    "status": "processing",
    "progress": 50,
    "model": "kling/kling-2.6-pro/text-to-video",
    "createdAt": "2026-11-23T12:00:00.000Z",
    "completedAt": None,
}
READ = Listed("job_1", "kling/kling-2.6-pro/text-to-video", Running(JobStatus.PROCESSING), NOON)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["jobs", "data", "nextCursor", "jobId"]), inner),
    max_leaves=8,
)


def page(*rows: object, **more: object) -> Mapping[str, object]:
    return {"jobs": list(rows), "nextCursor": None, "hasMore": False, **more}


def read(body: object, status: int = 200) -> JobPage | UnreadablePage:
    return read_page(Reply(status, {}, json.dumps(body).encode()))


@pytest.mark.parametrize("wrapped", [False, True])
def test_both_forms_of_the_reply_are_read(wrapped: bool) -> None:
    flat = page(ROW, nextCursor="abc", hasMore=True)

    body = {"success": True, "data": flat, "requestId": "req_1"} if wrapped else flat

    assert read(body) == JobPage((READ,), "abc")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T12:00:00.250Z", NOON.replace(microsecond=250_000)),
        ("2026-11-23T13:00:00+01:00", NOON),
        ("2026-11-23T12:00:00", NOON),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:00", None),
        (1_700_000_000, None),
        (None, None),
    ],
)
def test_times_come_in_several_forms(text: object, instant: datetime | None) -> None:
    found = read(page({**ROW, "createdAt": text}))

    if instant is None:
        assert isinstance(found, UnreadablePage)
    else:
        assert found == JobPage((Listed(READ.job, READ.model, READ.status, instant),), None)


def test_a_row_says_how_its_job_ended_and_when() -> None:
    read_page = read(page({**ROW, "status": "completed", "completedAt": "2026-11-23T12:00:00Z"}))
    assert isinstance(read_page, JobPage)
    (found,) = read_page.jobs
    assert found.status == Completed(at=NOON)


@pytest.mark.parametrize(
    ("more", "cursor"),
    [
        ({"nextCursor": None, "hasMore": False}, None),
        ({"nextCursor": "abc", "hasMore": False}, None),
        ({"nextCursor": "abc", "hasMore": True}, "abc"),
    ],
)
def test_where_the_list_goes_on(more: dict[str, object], cursor: str | None) -> None:
    assert read(page(ROW, **more)) == JobPage((READ,), cursor)


def test_a_page_that_says_less_is_read_by_its_cursor() -> None:
    assert read({"jobs": [ROW]}) == JobPage((READ,), None)
    assert read({"jobs": [ROW], "nextCursor": "abc"}) == JobPage((READ,), "abc")


@pytest.mark.parametrize(
    "broken",
    [
        {**ROW, "jobId": None},
        {**ROW, "jobId": ""},
        {**ROW, "model": 5},
        {**ROW, "createdAt": "soon"},
        {name: value for name, value in ROW.items() if name != "createdAt"},
        "job_1",
    ],
)
def test_a_row_that_cannot_be_read_makes_its_page_unreadable(broken: object) -> None:
    """Or its job would look as if it were not there."""
    assert isinstance(read(page(ROW, broken)), UnreadablePage)


def test_a_word_that_is_not_documented_leaves_the_job_where_it_is() -> None:
    assert read(page({**ROW, "status": "archived"})) == JobPage(
        (Listed(READ.job, READ.model, None, READ.created_at),), None
    )


@pytest.mark.parametrize(
    "body", [page(ROW, hasMore=True), page(ROW, hasMore=True, nextCursor=""), page(ROW, hasMore="no", nextCursor="a")]
)
def test_a_list_that_goes_on_nobody_knows_where_is_not_at_its_end(body: object) -> None:
    assert isinstance(read(body), UnreadablePage)


@pytest.mark.parametrize("status", [199, 301, 404, 429, 500])
def test_only_a_success_is_a_page(status: int) -> None:
    assert read(page(ROW), status) == UnreadablePage(f"status {status}")


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_a_value(body: bytes) -> None:
    assert isinstance(read_page(Reply(200, {}, body)), JobPage | UnreadablePage)
    assert read_page(Reply(200, {}, b"[" * 100_000)) == UnreadablePage("no list of jobs")
