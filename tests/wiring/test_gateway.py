"""A gateway from its settings: what is there while it runs, what stays when it has gone, and how it goes."""

import asyncio
import stat
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession

from gateway.adapters.redis.initialise import identity
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.ledger import Verb
from gateway.core.policy_version import version_of
from gateway.ports import PolicyVersion
from gateway.wiring import CannotStart, Gateway, open_gateway
from tests.doubles import SIGNED
from tests.walkthrough.house import CANARY, SLUG, open_house, until
from tests.walkthrough.policies import budget, team, whole
from tests.wiring.starting import settings

DEMO = team(budget("1.00"), slug="demo")


async def submit(gateway: Gateway, key: str, **given: object) -> tuple[int, Any]:
    """One submit of $0.35."""
    headers, body = {"Authorization": f"Bearer {key}"}, {"model": SLUG, "input": given}
    async with (
        ClientSession() as session,
        session.post(f"{gateway.data_url}/v1/jobs/submit", json=body, headers=headers) as reply,
    ):
        return reply.status, await reply.json()


async def test_without_a_real_key_there_is_a_sandbox_and_a_key_that_works(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, DEMO)) as gateway:
        assert gateway.upstream_url == gateway.sandbox_url
        assert gateway.demo_key is not None
        assert gateway.demo_key not in repr(gateway)
        assert (gateway.store, gateway.data_dir) == ("embedded", tmp_path / "data")
        assert (await submit(gateway, gateway.demo_key))[0] == 200


async def test_secrets_and_money_outlive_the_process(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, DEMO)) as first:
        assert first.demo_key is not None
        kept = {name: (tmp_path / "data" / name).read_text() for name in ("admin.key", "pepper", "demo.key")}
        assert [(await submit(first, first.demo_key))[0] for _ in range(2)] == [200, 200]
    async with open_gateway(settings(tmp_path)) as second:
        assert second.demo_key == first.demo_key
        assert {name: (tmp_path / "data" / name).read_text() for name in kept} == kept
        status, refused = await submit(second, second.demo_key)
        assert (status, refused["error"]["details"]["posted"]) == (402, "0.700000")


async def test_what_it_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, DEMO)):
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "data", *(tmp_path / "data").iterdir()]
        }
    files = ("admin.key", "pepper", "demo.key", "witness.json", "ledger.db", "ledger.db-wal", "ledger.db-shm")
    directories = ("data", "store", "spool")
    assert modes == {**dict.fromkeys(directories, 0o700), **dict.fromkeys(files, 0o600)}


async def test_the_demo_key_ends_where_real_money_begins(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, DEMO)) as playing:
        secret = playing.demo_key
        assert secret is not None
    real = settings(tmp_path, PIXELBYTE_API_KEY=CANARY, upstream_url="http://127.0.0.1:9")
    async with open_gateway(real) as gateway:
        assert gateway.demo_key is None
        assert not (tmp_path / "data" / "demo.key").exists()
        status, answer = await submit(gateway, secret)
        assert (status, answer["error"]["code"]) == (401, "API_KEY_INACTIVE")


async def test_without_a_team_called_demo_there_is_no_such_key(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, team())) as gateway:
        assert gateway.demo_key is None
        assert not (tmp_path / "data" / "demo.key").exists()


async def test_test_keys_meet_the_built_in_sandbox_though_there_is_a_real_upstream() -> None:
    async with open_house(team(budget("0.35"))) as house:
        key = await house.key(test=True)
        assert (await house.submit(key)).status == 200
        assert house.upstream_calls == 0
        assert house.gateway.sandbox_url != house.gateway.upstream_url
        assert set(await house.accounts()) == {"test:organization:acme:ample:usd", "test:team:video:budget:usd"}
        assert (await house.submit(key)).code == "BUDGET_EXCEEDED"
        assert (await house.submit(await house.key())).status == 200
        metrics = await house.metrics()
        assert metrics("tollhouse_cost_usd_total", team="video", model=SLUG) == 0.35


async def test_what_somebody_else_makes_live_is_taken_up_by_itself() -> None:
    async with open_house(team(budget("1.00"))) as house:
        key, files = await house.key(), whole(team(budget("2.00")))
        version, live = version_of(files), await RedisPolicies(house.store).live_version()
        assert await RedisPolicies(house.store).publish(PolicyVersion(version, files), live, SIGNED)

        async def seen() -> bool:
            return bool((await house.limit(key, "budget"))["ceiling"] == "2.000000")

        await until(seen)


async def test_what_ended_long_ago_goes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.wiring.background._PAST_S", 0.01)
    async with open_house(team(budget("1.00"))) as house:
        answers = [await house.submit(await house.key()) for _ in range(2)]
        running, over = [await house.hold(answer.hold) for answer in answers]
        monkeypatch.setattr("gateway.core.retention.KEPT", timedelta(0))
        ours = await identity(house.store)
        assert ours is not None
        await RedisLedger(house.store, ours.epoch).move(Verb.FINISH, over.hold, datetime.now(UTC))

        async def gone() -> bool:
            return await house.ledger.find(over.hold.id) is None

        await until(gone)
        assert await house.hold(running.hold.id) == running
        assert (await house.accounts())["team:video:budget:usd"] == (700_000, 0)


async def test_a_stop_lets_running_submits_finish_and_takes_no_new_ones(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack, ClientSession() as session:
        gateway = await stack.enter_async_context(open_gateway(settings(tmp_path, DEMO)))
        assert gateway.demo_key is not None

        async def in_hand() -> bool:
            async with session.get(f"{gateway.sandbox_url}/sandbox/requests") as reply:
                return len((await reply.json())["requests"]) == 1

        async def closed() -> bool:
            try:
                async with session.get(gateway.data_url + "/healthz", headers={"Connection": "close"}):
                    return False
            except ClientConnectorError:
                return True

        running = asyncio.create_task(submit(gateway, gateway.demo_key, sandbox={"latency_ms": 500}))
        await until(in_hand)
        stopping = asyncio.create_task(stack.aclose())
        await until(closed)
        async with session.get(gateway.control_url + "/readyz") as reply:
            assert (reply.status, (await reply.json())["checks"]["serving"]) == (503, False)

        status, answer = await running
        assert (status, answer["costMicroCents"]) == (200, 350_000)
        await stopping
    async with open_gateway(settings(tmp_path)) as again:
        assert again.demo_key is not None
        me, headers = again.data_url + "/tollhouse/v1/me", {"x-api-key": again.demo_key}
        async with ClientSession() as session, session.get(me, headers=headers) as reply:
            limits = {row["name"]: row for row in (await reply.json())["limits"]}
        assert (limits["budget"]["posted"], limits["budget"]["held"]) == ("0.350000", "0.000000")


async def test_a_start_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    async with open_gateway(settings(tmp_path, DEMO)) as first:
        port = first.data_url.rpartition(":")[2]
        (tmp_path / "other").mkdir()
        taken = settings(tmp_path / "other", DEMO, listen=f"127.0.0.1:{port}")
        with pytest.raises(CannotStart, match=f"cannot listen at http://127.0.0.1:{port}: "):
            async with open_gateway(taken):
                raise AssertionError("it started")
    # Its store was ended and its directory let go.
    async with open_gateway(settings(tmp_path / "other")):
        pass


async def test_a_data_directory_has_one_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.redis.embedded._LOCK_WAIT_S", 0.1)
    async with open_gateway(settings(tmp_path, DEMO)):
        with pytest.raises(CannotStart, match="another process is using the data directory"):
            async with open_gateway(settings(tmp_path)):
                raise AssertionError("it started")
