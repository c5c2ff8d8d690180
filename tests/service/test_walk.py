"""A walk claims to be whole only as far back as it was read, and nowhere once a page failed."""

from datetime import timedelta

import pytest

from gateway.core.reply import Reply
from gateway.ports import Unanswered
from gateway.service.walk import Walk
from tests.doubles import NOON, StillClock
from tests.service.provider import Provider, error, reply

MODEL = "kling/kling-2.6-pro/text-to-video"


def provider(jobs: int) -> Provider:
    """Jobs made a second apart before noon, the first the newest."""
    made = Provider()
    for n in range(jobs):
        made.make(f"job_{n}", MODEL, NOON - timedelta(seconds=n))
    return made


def walk(upstream: Provider) -> Walk:
    return Walk(upstream, StillClock(), 30.0)


async def test_a_walk_goes_back_page_by_page() -> None:
    going = walk(provider(250))
    assert not going.reached(NOON)
    for pages, jobs in ((1, 100), (2, 200), (3, 250)):
        assert await going.step()
        assert (going.calls, len(going.jobs)) == (pages, jobs)
    assert going.ended
    assert not await going.step()
    assert going.calls == 3


async def test_how_far_back_it_is_whole() -> None:
    going = walk(provider(250))
    await going.step()
    assert going.reached(NOON - timedelta(seconds=98))
    assert not going.reached(NOON - timedelta(seconds=99)), "more of this very instant may be on the next page"
    assert not going.reached(NOON - timedelta(seconds=200))


async def test_a_list_that_ends_is_whole_as_far_back_as_anybody_asks() -> None:
    going = walk(provider(5))
    await going.step()
    assert going.reached(NOON - timedelta(days=1000))


@pytest.mark.parametrize(
    "failure",
    [Unanswered("no answer in time"), reply(200, {"jobs": [{}]}), error(500, "INTERNAL_ERROR"), reply(200, [])],
)
async def test_a_page_that_fails_makes_it_whole_nowhere(failure: Reply | Unanswered) -> None:
    upstream = provider(250)
    upstream.answers.extend([None, failure])
    going = walk(upstream)
    assert await going.step()
    assert not await going.step()
    assert going.trouble is not None
    assert not going.reached(NOON)
    assert not await going.step()
    assert going.calls == 2


async def test_a_429_says_how_long_to_wait() -> None:
    upstream = provider(5)
    upstream.answers.append(error(429, "CONCURRENT_JOBS_EXCEEDED", retryAfter=30))
    going = walk(upstream)
    assert not await going.step()
    assert going.retry_after == 30


async def test_a_list_in_another_order_is_whole_only_at_its_end() -> None:
    rows = provider(3).made.values()
    oldest_first = [one.row() for one in sorted(rows, key=lambda one: one.created_at)]
    far_apart = [{**row, "createdAt": f"2026-11-2{day}T12:00:00Z"} for day, row in enumerate(oldest_first)]
    upstream = Provider()
    upstream.answers.append(reply(200, {"jobs": far_apart, "nextCursor": "a", "hasMore": True}))
    upstream.answers.append(reply(200, {"jobs": [], "nextCursor": None, "hasMore": False}))
    going = walk(upstream)
    await going.step()
    assert not going.reached(NOON)
    await going.step()
    assert going.reached(NOON)


async def test_a_cursor_that_leads_nowhere_is_not_followed_for_ever() -> None:
    upstream = Provider()
    same = reply(200, {"jobs": [], "nextCursor": "a", "hasMore": True})
    upstream.answers.extend([same, same])
    going = walk(upstream)
    assert await going.step()
    assert not await going.step()
    assert not going.reached(NOON)
