"""Alerts of limits, from a submit to the receiver of a team: over real sockets, with nobody asking."""

import json
from datetime import timedelta
from typing import Any

from aiohttp import web

from gateway.adapters.system import SystemClock
from gateway.core.webhook_signature import verified
from tests.adapters.webhooks.strangers import Stranger, stranger
from tests.walkthrough.house import House, open_house, until
from tests.walkthrough.policies import alerts_to, budget, organization, team, whole
from tests.walkthrough.test_overrides import override

HERE = {"webhook_allow_hosts": "127.0.0.0/8"}
HALVES = {"alert_at": ["50%", "100%"]}
HOUR = timedelta(hours=1)


def address(receiver: Stranger) -> str:
    return alerts_to(f"http://127.0.0.1:{receiver.port}/alerts")


async def told(receiver: Stranger, alerts: int) -> list[Any]:
    """What the receiver was told, once it is so much, in the order in which thresholds were reached."""

    async def so_much() -> bool:
        return len(receiver.requests) >= alerts

    await until(so_much)
    assert len(receiver.requests) == alerts
    documents = [json.loads(body) for _, _, body in receiver.requests]
    return sorted(documents, key=lambda one: (one["at"], len(one["threshold"])))


async def secret(house: House, owner: str) -> str:
    return str((await house.control("GET", f"/admin/v1/teams/{owner}/secret")).document["secret"])


async def test_a_team_hears_of_its_limits_and_the_organization_of_its_own_signed_for_each() -> None:
    async with stranger() as teams, stranger() as ours:
        files = team(budget("0.70", **HALVES), address(teams)), organization(budget("0.35", **HALVES), address(ours))
        async with open_house(*files, **HERE) as house:
            key = await house.key()
            assert (await house.submit(key)).status == 200
            [half] = await told(teams, 1)
            assert (
                half.items()
                >= {
                    "type": "limit.alert",
                    "organization": "acme",
                    "team": "video",
                    "key": None,
                    "limit": "budget",
                    "scope": "team",
                    "meter": "usd",
                    "window": "month",
                    "threshold": "50%",
                    "ceiling": "0.700000",
                    "posted": "0.350000",
                    "held": "0.000000",
                    "headroom": "0.350000",
                    "resets_at": (await house.limit(key, "budget"))["resets_at"],
                }.items()
            )
            assert [(one["team"], one["threshold"]) for one in await told(ours, 2)] == [(None, "50%"), (None, "100%")]
            for receiver, owner in ((teams, "video"), (ours, "acme")):
                for _, headers, body in receiver.requests:
                    stamp, signature = headers["X-PixelByte-Timestamp"], headers["X-PixelByte-Signature"]
                    assert verified(body, stamp, signature, await secret(house, owner), SystemClock().now())
                    assert headers["Tollhouse-Event-Id"] == json.loads(body)["id"]

            # It is in the ledger, in the metrics, and among the webhooks, whence it can be sent again.
            entries = [entry for entry in await house.entries() if entry.kind == "alert"]
            assert {entry.hold for entry in entries} >= {half["id"]}
            assert len(entries) == 3
            metrics = await house.metrics()
            assert metrics("tollhouse_alerts_total", team="acme", limit="budget", threshold="100%") == 1
            again = await house.control("POST", f"/admin/v1/webhooks/{half['id']}/redeliver")
            assert (again.document["type"], again.document["job"]) == ("limit.alert", None)
            assert (await told(teams, 2))[0] == half


async def test_a_receiver_that_fails_is_told_again_of_the_same() -> None:
    refusals = iter([503])

    async def busy_once(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=next(refusals, 204))

    async with (
        stranger(busy_once) as receiver,
        open_house(team(budget("0.35", alert_at=["100%"]), address(receiver)), **HERE) as house,
    ):
        await house.submit(await house.key())
        first, second = await told(receiver, 2)
        assert first == second
        [listed] = (await house.control("GET", "/admin/v1/webhooks?team=video")).document["webhooks"]
        assert listed["state"] == "sent"
        assert [one["result"] for one in listed["attempts"]] == ["status 204", "status 503"]


async def test_an_alert_is_of_the_ceiling_in_force_and_test_keys_raise_none() -> None:
    async with (
        stranger() as receiver,
        open_house(team(budget("0.70", **HALVES), override("7.00", -HOUR, HOUR), address(receiver)), **HERE) as house,
    ):
        key, playing = await house.key(), await house.key(test=True)
        for who in (key, key, *(playing,) * 12):
            assert (await house.submit(who)).status == 200
        await house.apply(team(budget("0.70", **HALVES), address(receiver)))
        lowered = await told(receiver, 2)
        assert [(one["threshold"], one["ceiling"]) for one in lowered] == [("50%", "0.700000"), ("100%", "0.700000")]


async def test_policies_that_would_call_what_may_not_be_called_are_refused() -> None:
    async with open_house(team(budget("0.70"))) as house:
        files = team(budget("0.70"), alerts_to("https://10.0.0.1/"))
        asked = await house.control("POST", "/admin/v1/policies/apply", {"files": whole(files)})
        assert (asked.status, asked.code) == (422, "POLICY_INVALID")
        [complaint] = asked.details["complaints"]
        assert (complaint["file"], complaint["key"]) == ("teams/video.toml", "alerts.webhook")
