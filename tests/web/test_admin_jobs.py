"""A job explained on the control plane: its price, its accounts, and every entry, which together are what was spent."""

import asyncio

import pytest

from gateway.adapters import exporter
from tests.walkthrough.house import House, open_house
from tests.walkthrough.policies import budget, team


async def explained(house: House, name: str, entries: int) -> object:
    """The job, once SQL has so many of its entries: the exporter is a process that takes its time to start."""
    async with asyncio.timeout(60):
        while True:
            answer = await house.control("GET", f"/admin/v1/jobs/{name}")
            assert answer.status == 200, answer
            if len(answer.document["entries"]) == entries:
                return answer.document
            await asyncio.sleep(0.1)


async def test_a_job_is_explained_to_the_micro_usd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "DELAY_S", 0.0)
    async with open_house(team(budget("5.00"))) as house:
        key = await house.key()
        submitted = await house.submit(key, duration="10", has_sound="true")
        job = submitted.document["jobId"]
        cancelled = await house.ask("POST", f"/v1/jobs/{job}/cancel", key)
        assert cancelled.status == 200, cancelled
        told = await explained(house, job, 3)
        assert isinstance(told, dict)
        assert told["hold"] == submitted.hold
        assert (told["quoted_usd"], told["cost_usd"], told["refunded_usd"]) == ("1.400000", "1.400000", "1.400000")
        assert [(one["field"], one["multiplier"]) for one in told["factors"]] == [
            ("duration", "10"),
            ("has_sound", "2"),
        ]
        assert (told["state"], told["status"], told["key"]) == ("refunded", "cancelled", key.id)
        assert {(one["meter"], one["amount"]) for one in told["accounts"]} == {("usd", "1.400000")}
        assert [entry["kind"] for entry in told["entries"]] == ["hold", "captured", "refunded"]
        for account in told["accounts"]:
            moves = [move for one in told["entries"] for move in one["moves"] if move["account"] == account["account"]]
            assert (sum(one["posted"] for one in moves), sum(one["held"] for one in moves)) == (0, 0)
        assert (await house.control("GET", f"/admin/v1/jobs/{submitted.hold}")).document == told


async def test_a_teams_jobs_come_page_by_page() -> None:
    async with open_house(team(budget("5.00"))) as house:
        key = await house.key()
        jobs = [(await house.submit(key)).document["jobId"] for _ in range(3)]
        first = (await house.control("GET", "/admin/v1/jobs?team=video&limit=2")).document
        assert [row["job"] for row in first["jobs"]] == [jobs[2], jobs[1]]
        rest = await house.control("GET", f"/admin/v1/jobs?team=video&cursor={first['next_cursor']}")
        assert [row["job"] for row in rest.document["jobs"]] == [jobs[0]]
        assert rest.document["next_cursor"] is None
        for query, field in (("limit=2", "team"), ("team=video&cursor=x", "cursor"), ("team=video&status=x", "status")):
            answer = await house.control("GET", f"/admin/v1/jobs?{query}")
            assert (answer.status, answer.details["field"]) == (400, field)


async def test_what_nobody_ran_is_not_found() -> None:
    async with open_house(team(budget("5.00"))) as house:
        assert (await house.control("GET", "/admin/v1/jobs/job_none")).code == "JOB_NOT_FOUND"
        assert (await house.control("GET", "/admin/v1/jobs?team=nobody")).document == {"jobs": [], "next_cursor": None}
