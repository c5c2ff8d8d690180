from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox.jobs import Job, JobBook, Status

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_job(name: str = "job_a", *, fails: bool = False, model: str = "a/b/c", at: float = 0) -> Job:
    """Pending for 2 seconds, then processing for 3."""
    return Job(
        id=name,
        request_id="req_a",
        model=model,
        media="video",
        cost=1,
        seconds=5,
        created_at=after(at),
        starts_at=after(at + 2),
        ends_at=after(at + 5),
        estimated_at=after(at + 240),
        fails=fails,
        webhook_url=None,
    )


def a_book(*jobs: Job) -> JobBook:
    book = JobBook()
    for job in jobs:
        book.add(job)
    return book


@pytest.mark.parametrize(("fails", "end"), [(False, Status.COMPLETED), (True, Status.FAILED)])
def test_a_job_is_pending_then_processing_then_at_its_end(fails: bool, end: Status) -> None:
    job = a_job(fails=fails)
    book = a_book(job)
    seen = []
    for second in (0, 1.9, 2, 4.9, 5, 100):
        list(book.due(after(second)))
        seen.append(job.status(after(second)))
    assert seen == [Status.PENDING, Status.PENDING, Status.PROCESSING, Status.PROCESSING, end, end]
    assert job.ended_at == after(5)


def test_an_end_is_handed_over_once_in_the_order_of_the_ends() -> None:
    late, early = a_job("job_late", at=3), a_job("job_early")
    book = a_book(late, early)
    assert list(book.due(after(4.9))) == []
    assert list(book.due(after(60))) == [early, late]
    assert list(book.due(after(60))) == []
    assert book.active == 0


def test_only_a_pending_job_can_be_cancelled() -> None:
    job, running = a_job(), a_job("job_b")
    book = a_book(job, running)
    assert book.cancel(job, after(1))
    assert not book.cancel(job, after(1))
    assert not book.cancel(running, after(2))
    assert (job.status(after(9)), job.ended_at, book.active) == (Status.CANCELLED, after(1), 1)
    assert list(book.due(after(9))) == [running]


def test_a_page_is_newest_first_and_says_whether_more_follow() -> None:
    book = a_book(*(a_job(f"job_{each}", at=each) for each in range(5)))
    first, more = book.page(after(0), None, 2, None, None)
    assert ([job.id for job in first], more) == (["job_4", "job_3"], True)
    rest, more = book.page(after(0), first[-1].sequence, 3, None, None)
    assert ([job.id for job in rest], more) == (["job_2", "job_1", "job_0"], False)


def test_a_page_can_be_filtered() -> None:
    book = a_book(a_job("job_0"), a_job("job_1", model="x/y"), a_job("job_2", at=10), a_job("job_3", at=10))
    list(book.due(after(10)))
    assert book.page(after(10), None, 5, "completed", None)[0] == [book.by_id["job_1"], book.by_id["job_0"]]
    assert book.page(after(10), None, 5, None, "x/y") == ([book.by_id["job_1"]], False)
    assert book.page(after(10), None, 1, "pending", "a/b/c") == ([book.by_id["job_3"]], True)


def test_the_job_before() -> None:
    book = a_book(a_job("job_0"), a_job("job_1"))
    assert book.before(book.by_id["job_1"]) is book.by_id["job_0"]
    assert book.before(book.by_id["job_0"]) is None
