"""A change that is asked for again: made once, answered alike, and no secret kept for it."""

import asyncio
from typing import Any

import aiohttp
import pytest

from gateway.adapters.redis.connection import Store
from gateway.ports import StoreRefused
from gateway.service.audit_trail import AuditTrail
from tests.control import RunningControl

BODY = {"team": "video", "name": "render farm"}


async def issue(plane: RunningControl, key: str, **more: str) -> tuple[int, str | None, Any]:
    headers = {**plane.admin, "Idempotency-Key": key}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{plane.url}/admin/v1/keys", json={**BODY, **more}) as reply,
    ):
        return reply.status, reply.headers.get("Tollhouse-Idempotent-Replay"), await reply.json()


async def test_it_is_done_once_and_answered_alike_without_the_secret(plane: RunningControl, store: Store) -> None:
    status, replay, first = await issue(plane, "k-1")
    assert (status, replay) == (201, None)
    status, replay, again = await issue(plane, "k-1")
    assert (status, replay, again) == (201, "true", {**first, "key": None})
    assert len((await plane.ask("GET", "/admin/v1/keys"))[1]["keys"]) == 1
    assert len((await plane.ask("GET", "/admin/v1/audit"))[1]["records"]) == 1
    kept = [await store.client.get(name) async for name in store.client.scan_iter(match="*repeat*")]
    assert len(kept) == 1
    assert first["key"].encode() not in kept[0]


async def test_another_request_of_the_same_key_is_told(plane: RunningControl) -> None:
    await issue(plane, "k-1")
    status, _, told = await issue(plane, "k-1", name="another")
    assert (status, told["error"]["code"]) == (422, "IDEMPOTENCY_MISMATCH")


async def test_what_was_refused_may_be_asked_anew(plane: RunningControl) -> None:
    status, _, _ = await issue(plane, "k-1", team="nobody")
    assert status == 404
    assert (await issue(plane, "k-1"))[0] == 201


async def test_of_many_at_once_one_is_done(plane: RunningControl) -> None:
    told = await asyncio.gather(*(issue(plane, "k-1") for _ in range(8)))
    assert {status for status, _, _ in told} <= {201, 409}
    assert len([one for _, replay, one in told if replay is None and "id" in one]) == 1
    assert len((await plane.ask("GET", "/admin/v1/keys"))[1]["keys"]) == 1


async def test_a_key_is_one_administrators_own(plane: RunningControl) -> None:
    _, other = await plane.ask("POST", "/admin/v1/admin-keys", {"name": "ada", "role": "operator"})
    await issue(plane, "k-1")
    headers = {"Authorization": f"Bearer {other['key']}", "Idempotency-Key": "k-1"}
    status, told = await plane.ask("POST", "/admin/v1/keys", BODY, headers=headers)
    assert status == 201
    assert told["key"] is not None


@pytest.mark.parametrize("key", ["", "x" * 256, "a b"])
async def test_a_key_that_is_none_is_told(plane: RunningControl, key: str) -> None:
    status, _, told = await issue(plane, key)
    assert (status, told["error"]["details"]["field"]) == (400, "Idempotency-Key")


async def test_what_could_not_be_put_on_record_was_not_done_and_may_be_asked_anew(
    plane: RunningControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise StoreRefused("it begins anew")

    with monkeypatch.context() as patched:
        patched.setattr(AuditTrail, "begin", down)
        status, _, told = await issue(plane, "k-1")
    assert (status, told["error"]["code"]) == (503, "STORE_UNAVAILABLE")
    status, replay, told = await issue(plane, "k-1")
    assert (status, replay) == (201, None)
    assert told["key"] is not None
    assert len((await plane.ask("GET", "/admin/v1/keys"))[1]["keys"]) == 1
