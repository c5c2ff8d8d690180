"""`/healthz` and `/readyz` over real sockets, on both planes."""

from typing import Any

import pytest

from gateway.adapters.redis import keys
from tests.walkthrough.house import House, open_house, until
from tests.walkthrough.outage import outage_of


async def probes(house: House, path: str) -> tuple[int, Any]:
    """What both planes answer, which must be the same."""
    data = await house.call("GET", house.gateway.data_url + path)
    control = await house.call("GET", house.gateway.control_url + path)
    assert (data.status, data.document) == (control.status, control.document)
    return data.status, data.document


async def failing(house: House) -> list[str]:
    """Which checks fail, and that the answer says so as a whole."""
    status, document = await probes(house, "/readyz")
    assert document.keys() == {"ready", "checks", "degraded"}
    assert document["ready"] == all(document["checks"].values()) == (status == 200)
    return [name for name, well in document["checks"].items() if not well]


async def test_alive_and_ready_without_a_key_whatever_the_upstream_does() -> None:
    async with open_house(upstream="http://127.0.0.1:9") as house:
        assert await probes(house, "/healthz") == (200, {"alive": True})
        assert await failing(house) == []
        assert (await house.call("HEAD", house.gateway.data_url + "/healthz")).status == 200


async def test_not_ready_while_the_store_is_gone_and_alive_all_the_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house() as house:
        outage = await outage_of(house, monkeypatch)
        outage.begin()
        assert await failing(house) == ["store"]
        assert await probes(house, "/healthz") == (200, {"alive": True})
        await outage.end()
        assert await failing(house) == []


async def test_not_ready_while_frozen_nor_when_the_store_is_anothers() -> None:
    async with open_house() as house:
        await house.store.command("HSET", keys.STORE, "frozen", "by hand", "frozen_at", 2**52)
        assert await failing(house) == ["thawed"]
        await house.store.command("HDEL", keys.STORE, "frozen", "frozen_at")
        await house.store.command("HSET", keys.STORE, "organization", "initech")
        assert await failing(house) == ["organization"]
        await house.store.command("HSET", keys.STORE, "organization", "acme")
        assert await failing(house) == []


async def test_not_ready_under_policies_that_do_not_compile() -> None:
    async with open_house() as house:
        good = await house.store.command("GET", keys.POLICY)
        await house.store.command("SET", keys.policy("broken"), '{"organization.toml": "schema = 2"}')
        await house.store.command("SET", keys.POLICY, "broken")

        async def noticed() -> bool:
            return not await house.ready()

        await until(noticed)
        assert await failing(house) == ["policies"]
        await house.store.command("SET", keys.POLICY, good)
        await until(house.ready)
        await house.store.command("DEL", keys.policy("broken"))
