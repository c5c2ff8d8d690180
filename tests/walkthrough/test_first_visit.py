"""The product's first hour, told as a test: a newcomer starts the gateway and spends a team's money to the last cent.

This is the gateway as `tollhouse serve` runs it without a real key: its own sandbox upstream, the shipped policies, and
the key of team `demo`.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from gateway.settings import load_settings
from gateway.wiring import open_gateway
from tests.walkthrough.house import SEED, SLUG, Answer

POLICIES = Path(__file__).parents[2] / "policies"


class Newcomer:
    """Somebody with a key, and nothing but HTTP."""

    def __init__(self, session: ClientSession, url: str, key: str, sandbox_url: str) -> None:
        self._session, self._url, self._key, self._sandbox_url = session, url, key, sandbox_url

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._key}"}
        async with self._session.request(method, self._url + path, json=body, headers=headers) as reply:
            return Answer(reply.status, reply.headers, await reply.read())

    async def submits(self, **changed: object) -> Answer:
        """The request of the provider's page, a few inputs changed."""
        return await self._ask("POST", "/v1/jobs/submit", {"model": SLUG, "input": {**SEED, **changed}})

    async def limits(self) -> dict[str, Any]:
        """What `/me` says of every limit, by its name."""
        answer = await self._ask("GET", "/tollhouse/v1/me")
        return {row["name"]: row for row in answer.document["limits"]}

    async def sandbox(self, path: str) -> Any:
        """What the other side says."""
        async with self._session.get(f"{self._sandbox_url}/sandbox/{path}") as reply:
            return await reply.json()


async def test_a_newcomer_spends_a_budget_to_its_end_and_not_a_cent_more(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "TOLLHOUSE_LISTEN": "127.0.0.1:0",
            "TOLLHOUSE_CONTROL_LISTEN": "127.0.0.1:0",
            "TOLLHOUSE_DATA_DIR": str(tmp_path / "data"),
            "TOLLHOUSE_POLICIES": str(POLICIES),
        }
    )
    async with open_gateway(settings) as gateway, ClientSession() as session:
        assert gateway.demo_key is not None
        newcomer = Newcomer(session, gateway.data_url, gateway.demo_key, gateway.sandbox_url)

        # The budget of team `demo` is $5.00 a month, and nothing of it is used.
        before = (await newcomer.limits())["monthly-spend"]
        assert (before["ceiling"], before["posted"], before["headroom"]) == ("5.000000", "0.000000", "5.000000")

        # The request of the provider's page: 5 seconds with sound, $0.70.
        first = await newcomer.submits()
        assert first.status == 200
        assert first.document["jobId"].startswith("job_")
        assert first.document["status"] == "pending"
        assert first.document["estimatedCompletionTime"]
        assert first.document["costMicroCents"] == 700_000
        assert first.headers["Tollhouse-Cost-Usd"] == "0.700000"
        assert first.headers["Tollhouse-Limit"] == "monthly-spend"
        assert first.headers["Tollhouse-Headroom-Usd"] == "4.300000"
        assert first.headers["Tollhouse-Resets-At"] == before["resets_at"]

        # It is posted on the team and on the organization, and counted as a job that runs.
        limits = await newcomer.limits()
        assert limits["monthly-spend"]["posted"] == "0.700000"
        assert limits["organization-month"]["posted"] == "0.700000"
        assert limits["daily-jobs"]["posted"] == 1
        assert limits["jobs-at-once"]["held"] == 1
        assert limits["monthly-spend"]["held"] == "0.000000"

        # Twice as long costs twice as much; without sound it costs half.
        assert (await newcomer.submits(duration="10")).document["costMicroCents"] == 1_400_000
        assert (await newcomer.submits(has_sound="false")).document["costMicroCents"] == 350_000

        # $2.45 are spent; three more fit, which makes $4.55. The next would make $5.25.
        for _ in range(3):
            assert (await newcomer.submits()).status == 200
        refused = await newcomer.submits()

        # It is refused, with the limit, the numbers, when it resets, whom to ask, and no advice to try again.
        assert (refused.status, refused.code) == (402, "BUDGET_EXCEEDED")
        assert refused.details["limit"] == "monthly-spend"
        assert refused.details["ceiling"] == "5.000000"
        assert refused.details["posted"] == "4.550000"
        assert refused.details["headroom"] == "0.450000"
        assert refused.details["required"] == "0.700000"
        assert refused.details["resets_at"] == before["resets_at"]
        assert refused.details["owner"] == "demo-leads@example.com"
        assert datetime.fromisoformat(refused.details["resets_at"]) > datetime.now(UTC)
        assert refused.headers["x-should-retry"] == "false"
        assert "Retry-After" not in refused.headers
        for told in ("monthly-spend", "5.00 USD", "4.55 USD posted", "0.70 USD required", before["resets_at"]):
            assert told in refused.error["message"]

        # What still fits is let through, and then nothing is.
        assert (await newcomer.submits(has_sound="false")).status == 200
        assert [(await newcomer.submits(has_sound="false")).status for _ in range(3)] == [402, 402, 402]

        # The other side's book says the same as both of ours, and heard of no refused job.
        limits = await newcomer.limits()
        account = await newcomer.sandbox("account")
        assert account["charged"] == 4_900_000
        assert limits["monthly-spend"]["posted"] == limits["organization-month"]["posted"] == "4.900000"
        assert limits["monthly-spend"]["headroom"] == "0.100000"
        assert limits["daily-jobs"]["posted"] == account["jobs"] == 7
        assert len((await newcomer.sandbox("requests"))["requests"]) == 7
