"""A job's end, told by the provider to the gateway and by the gateway to the client: over real sockets."""

import json
from urllib.parse import urlsplit

from gateway.adapters.system import SystemClock
from gateway.core.ledger import State
from gateway.core.webhook_signature import verified
from gateway.sandbox import Faults
from tests.walkthrough.house import SEED, SLUG, House, open_house, until
from tests.walkthrough.policies import budget, in_flight, team
from tests.walkthrough.relaying import BRIEF, relaying, sent_body

FILES = team(budget("50.00"), in_flight(40))


async def states(house: House, **wanted: int) -> None:
    async def so() -> bool:
        return await house.has(**wanted)

    await until(so)


async def test_the_end_of_a_job_reaches_the_client_signed_with_its_team_s_secret() -> None:
    async with relaying(FILES) as client:
        submitted = await client.submit()
        assert submitted.status == 200
        [(headers, body)] = await client.told()
        # What the provider was told leads to us and names nobody.
        address = sent_body(client.house)["webhookUrl"]
        assert address.startswith(f"{client.house.gateway.data_url}/tollhouse/v1/hooks/")
        assert "of-the-client" not in json.dumps(sent_body(client.house))

        told = json.loads(body)
        assert (told["jobId"], told["status"]) == (submitted.document["jobId"], "completed")
        stamp, signature = headers["X-PixelByte-Timestamp"], headers["X-PixelByte-Signature"]
        assert verified(body, stamp, signature, await client.secret(), SystemClock().now())
        assert headers["Tollhouse-Event-Id"] == submitted.hold.replace("hold_", "evt_")
        await states(client.house, finished=1)
        assert (await client.house.limit(client.key, "at-once"))["held"] == 0
        [listed] = await client.webhooks()
        assert (listed["state"], listed["attempts"][0]["result"]) == ("sent", "status 204")
        assert "of-the-client" not in json.dumps(listed)
        metrics = await client.house.metrics()
        assert metrics("tollhouse_webhooks_total", outcome="taken") == 1
        assert metrics("tollhouse_deliveries_total", team="video", state="sent") == 1


async def test_a_failed_job_is_refunded_once_and_told() -> None:
    async with relaying(FILES, faults=Faults(pending_seconds=0.05, processing_seconds=0.05, failure_rate=1)) as client:
        await client.submit()
        [(_, body)] = await client.told()
        assert json.loads(body)["status"] == "failed"
        await states(client.house, refunded=1)
        assert (await client.house.limit(client.key, "budget"))["posted"] == "0.000000"
        assert client.house.sandbox.account.spent == 0


async def test_a_client_that_gave_no_address_is_told_nothing_and_its_job_ends_all_the_same() -> None:
    async with relaying(FILES) as client:
        await client.submit(webhookUrl=None)
        await states(client.house, finished=1)
        assert "webhookUrl" in sent_body(client.house)
        assert await client.webhooks() == []
    assert client.receiver.connections == 0


async def test_without_a_public_url_the_client_s_address_passes_untouched() -> None:
    async with relaying(FILES) as client:
        await client.submit()
        path = urlsplit(sent_body(client.house)["webhookUrl"]).path
        await client.told()
    async with open_house(FILES, webhook_allow_hosts="127.0.0.0/8") as house:
        url = "http://127.0.0.1:1/of-the-client"
        body = {"model": SLUG, "input": {**SEED}, "webhookUrl": url}
        assert (await house.ask("POST", "/v1/jobs/submit", await house.key(), body=body)).status == 200
        assert sent_body(house)["webhookUrl"] == url
        assert (await house.ask("POST", path, None, body={})).status == 404


async def test_a_submit_that_got_no_answer_is_settled_by_its_webhook_and_a_retry_gets_its_answer() -> None:
    hang = Faults(pending_seconds=0.3, processing_seconds=0.1, hang=True)
    once = {"Idempotency-Key": "once"}
    async with relaying(FILES, faults=hang, upstream_timeout="300ms") as client:
        lost = [await client.submit(once), await client.submit(once)]
        client.house.sandbox.world.faults = BRIEF
        assert [answer.status for answer in lost] == [504, 409]
        other = await client.submit()
        assert other.status == 200
        await states(client.house, finished=2)
        again = await client.submit(once)
        assert (again.status, again.headers["Tollhouse-Idempotent-Replay"]) == (200, "true")
        [hung, _] = client.house.sandbox.jobs.in_order
        assert again.document["jobId"] == hung.id
        assert again.hold == lost[0].hold
        record = await client.house.hold(lost[0].hold)
        assert (record.state, record.job, record.cost) == (State.FINISHED, hung.id, hung.cost)
        assert client.house.upstream_calls == 2
        events = await client.told(2)
        assert {json.loads(body)["jobId"] for _, body in events} == {
            job.id for job in client.house.sandbox.jobs.in_order
        }
