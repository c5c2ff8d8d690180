"""The errors that say which limit refuses, with its numbers and the next step."""

import asyncio
from datetime import UTC, datetime

from tests.walkthrough.house import SEED, SLUG, open_house, until
from tests.walkthrough.outcomes import accepted
from tests.walkthrough.policies import budget, in_flight, organization, quota, rate, team
from tests.walkthrough.refused import refused, told, untouched
from tests.walkthrough.stranger import reply, says_when, stranger


async def test_a_job_that_no_waiting_makes_fit() -> None:
    """More seconds than a quota could ever allow, dearer than a budget, and ceilings of nothing."""
    rules = {
        "film": quota("seconds", 4, "film"),
        "budget": budget("0.699999"),
        "nothing": quota("jobs", 0, "nothing"),
        "no-money": budget("0.00", "no-money"),
    }
    async with open_house(*(team(rule, slug=limit) for limit, rule in rules.items())) as house:
        for limit in rules:
            answer = await refused(house, await house.key(limit))
            assert told(answer) == (402, "REQUEST_EXCEEDS_LIMIT")
            assert answer.details["limit"] == limit
            assert answer.headers["x-should-retry"] == "false"
            assert "Retry-After" not in answer.headers
        await untouched(house)


async def test_a_budget_used_up() -> None:
    windows = ("hour", "day", "week", "month", "quarter", "year", "total")
    teams = [
        team(budget("0.70", "spend", window), slug=f"by-{window}", owner="leads@example.com") for window in windows
    ]
    async with open_house(*teams) as house:
        for window in windows:
            key = await house.key(f"by-{window}")
            assert (await house.submit(key, **SEED)).status == 200

            answer = await refused(house, key)

            assert told(answer) == (402, "BUDGET_EXCEEDED")
            assert answer.headers["x-should-retry"] == "false"
            assert "Retry-After" not in answer.headers
            resets_at = answer.details["resets_at"]
            assert (resets_at is None) == (window == "total")
            assert resets_at is None or datetime.fromisoformat(resets_at) > datetime.now(UTC)
            row = {
                "scope": "team",
                "meter": "usd",
                "window": window,
                "mode": "enforce",
                "ceiling": "0.700000",
                "posted": "0.700000",
                "held": "0.000000",
                "headroom": "0.000000",
                "required": "0.700000",
                "verdict": "exceeded",
                "resets_at": resets_at,
            }
            named = {"limit": "spend", **row, "owner": "leads@example.com", "source": "gateway"}
            failed = {"name": "spend", **row}
            assert answer.details["matched"][0]["name"] == "ample"
            assert answer.details["matched"][1:] == [failed]
            told_also = {"matched": answer.details["matched"], "would_pass": []}
            assert answer.details == {**named, "failed": [failed], **told_also}
        assert house.upstream_calls == len(windows)


async def test_a_budget_that_is_only_held() -> None:
    told_to = asyncio.Event()
    answers = says_when(told_to, reply(200, accepted("job_1")))
    async with stranger(answers) as upstream, open_house(team(budget("0.70")), upstream=upstream.url) as house:
        key = await house.key()
        first = asyncio.create_task(house.submit(key, **SEED))
        await until(lambda: house.has(held=1))

        answer = await refused(house, key)

        assert told(answer) == (402, "BUDGET_HELD")
        assert answer.headers["Retry-After"] == "60"
        assert answer.details["retryAfter"] == 60
        assert "x-should-retry" not in answer.headers
        assert (answer.details["posted"], answer.details["held"]) == ("0.000000", "0.700000")
        told_to.set()
        assert (await first).status == 200
        assert told(await refused(house, key)) == (402, "BUDGET_EXCEEDED")
        assert len(upstream.requests) == 1


async def test_a_quota_used_up() -> None:
    quotas = {"jobs": (1, SLUG), "seconds": (9, SLUG), "images": (1, "bytedance-plus/seedream-v4.5/text-to-image")}
    async with open_house(*(team(quota(meter, most), slug=meter) for meter, (most, _) in quotas.items())) as house:
        for meter, (most, model) in quotas.items():
            key = await house.key(meter)
            assert (await house.submit(key, model=model)).status == 200

            answer = await refused(house, key, body={"model": model, "input": {}}, same=False)

            assert told(answer) == (429, "QUOTA_EXCEEDED")
            wait = (datetime.fromisoformat(answer.details["resets_at"]) - datetime.now(UTC)).total_seconds()
            assert abs(int(answer.headers["Retry-After"]) - wait) <= 5
            assert answer.details["retryAfter"] == int(answer.headers["Retry-After"])
            assert (answer.details["meter"], answer.details["ceiling"]) == (meter, most)
            assert "x-should-retry" not in answer.headers
        assert house.upstream_calls == len(quotas)


async def test_a_rate_used_up() -> None:
    frugal = team(rate(1, "hour", burst=2), budget("0.70"), slug="frugal")
    async with open_house(team(rate(1, "hour", burst=2, per="key")), frugal) as house:
        key, other = await house.key(), await house.key()
        assert [(await house.submit(key)).status for _ in range(2)] == [200, 200]

        answer = await refused(house, key, same=False)

        assert told(answer) == (429, "RATE_LIMITED")
        assert 3590 <= int(answer.headers["Retry-After"]) <= 3600
        assert answer.details["retryAfter"] == int(answer.headers["Retry-After"])
        assert (answer.details["limit"], answer.details["scope"]) == ("submits", "key")
        assert (await house.submit(other)).status == 200
        assert house.upstream_calls == 3

        # What a limit refuses uses up nothing of a rate.
        thrifty = await house.key("frugal")
        assert (await house.submit(thrifty, **SEED)).status == 200
        assert [(await house.submit(thrifty, **SEED)).code for _ in range(3)] == ["BUDGET_EXCEEDED"] * 3


async def test_too_many_jobs_at_once() -> None:
    async with open_house(team(in_flight(1))) as house:
        key = await house.key()
        assert (await house.submit(key)).status == 200

        answer = await refused(house, key)

        assert told(answer) == (429, "CONCURRENT_JOBS_EXCEEDED")
        assert int(answer.headers["Retry-After"]) == answer.details["retryAfter"] > 0
        assert (answer.details["meter"], answer.details["window"]) == ("in_flight", None)
        assert house.upstream_calls == 1


async def test_of_several_limits_the_one_that_lasts_longest_is_named_and_all_are_listed() -> None:
    whole = organization(budget("0.70", "organization-month"))
    rules = team(budget("0.70", "today", "day"), budget("0.70", "this-month"), budget("0.70", "for-ever", "total"))
    async with open_house(whole, rules) as house:
        key = await house.key()
        assert (await house.submit(key, **SEED)).status == 200
        answer = await refused(house, key)
        assert answer.details["limit"] == "for-ever"
        failed = [row["name"] for row in answer.details["failed"]]
        assert failed == ["organization-month", "today", "this-month", "for-ever"]
