"""How commands find the control plane, who they say they are, and what they exit with when it goes wrong."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.adapters.redis.connection import Store, connect
from gateway.cli import control
from gateway.core.key_secret import Kind, mint
from tests.cli.run import Tollhouse
from tests.control import ADMIN_KEY, running_control

LIST = ("key", "list", "--json")


async def test_over_a_unix_socket(store: Store) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        async with running_control(store, socket=Path(directory) / "c") as plane:
            assert await Tollhouse(plane).document("key", "list") == {"keys": [], "next_cursor": None}


async def test_a_slash_at_the_end_of_the_address_does_no_harm(store: Store) -> None:
    async with running_control(store) as plane:
        result = await Tollhouse(plane)(*LIST, env={"TOLLHOUSE_CONTROL_URL": f"{plane.url}/"})
    assert result.exit_code == 0


async def test_the_admin_key_may_be_in_a_file_or_in_the_data_directory(store: Store, tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text(ADMIN_KEY + "\n")
    async with running_control(store) as plane:
        for env in (
            {"TOLLHOUSE_ADMIN_KEY_FILE": str(tmp_path / "admin.key")},
            {"TOLLHOUSE_DATA_DIR": str(tmp_path)},
        ):
            result = await Tollhouse(plane)(*LIST, env={"TOLLHOUSE_ADMIN_KEY": None, **env})
            assert (result.exit_code, result.stderr) == (0, "")


async def test_without_an_admin_key_nobody_is_authorised(store: Store, tmp_path: Path) -> None:
    async with running_control(store) as plane:
        env = {"TOLLHOUSE_ADMIN_KEY": None, "TOLLHOUSE_DATA_DIR": str(tmp_path)}
        result = await Tollhouse(plane)(*LIST, env=env)
    assert result.exit_code == 4
    assert str(tmp_path / "admin.key") in result.stderr


async def test_with_another_key_nobody_is_authorised(store: Store) -> None:
    other = mint(Kind.ADMIN, bytes(64))
    async with running_control(store) as plane:
        result = await Tollhouse(plane)(*LIST, env={"TOLLHOUSE_ADMIN_KEY": other})
    assert (result.exit_code, result.stdout) == (4, "")
    assert other not in result.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "unix:/nowhere/at/all", "http://", "nonsense"])
async def test_where_nobody_listens_the_next_step_is_said(url: str) -> None:
    env = {"TOLLHOUSE_CONTROL_URL": url, "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY}
    result = await Tollhouse()(*LIST, env=env)
    assert (result.exit_code, result.stdout) == (1, "")
    assert url in result.stderr
    assert "tollhouse serve" in result.stderr


async def test_something_else_that_listens_is_not_taken_for_the_control_plane() -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    async def elsewhere(_request: web.Request) -> web.Response:
        return web.json_response({}, status=307, headers={"Location": "/elsewhere"})

    async def stolen(_request: web.Request) -> web.Response:
        raise AssertionError("the admin key was taken elsewhere")

    app = web.Application()
    app.add_routes([web.get("/admin/v1/keys", page), web.get("/admin/v1/keys/key_1", elsewhere), web.get("/e", stolen)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    env = {"TOLLHOUSE_CONTROL_URL": f"http://127.0.0.1:{site.port}", "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY}
    listed, shown = await Tollhouse()(*LIST, env=env), await Tollhouse()("key", "show", "key_1", env=env)
    await runner.cleanup()

    assert (listed.exit_code, shown.exit_code) == (1, 1)
    assert "TOLLHOUSE_CONTROL_URL" in listed.stderr
    assert "307" in shown.stderr


async def test_without_the_store_it_is_a_failure() -> None:
    gone = connect("unix:///nowhere/at/all")
    async with running_control(gone, started=False) as plane:
        result = await Tollhouse(plane)(*LIST)
    await gone.close()
    assert result.exit_code == 1
    assert "The store does not answer" in result.stderr


@asynccontextmanager
async def answering(*codes: str | None) -> AsyncIterator[tuple[dict[str, str], list[tuple[str, str | None]]]]:
    """A control plane that answers with these errors, the last one for ever, and with a key where there is None; the
    environment that leads there, and what it was asked: the method, and the idempotency key.
    """
    asked: list[tuple[str, str | None]] = []

    async def told(request: web.Request) -> web.Response:
        code = codes[min(len(asked), len(codes) - 1)]
        asked.append((request.method, request.headers.get("Idempotency-Key")))
        if code is None:
            return web.json_response({"id": "key_1", "team": "video", "name": "x", "status": "revoked"})
        return web.json_response({"error": {"code": code, "message": f"It is {code}."}}, status=503)

    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", told)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield {"TOLLHOUSE_CONTROL_URL": f"http://127.0.0.1:{site.port}", "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY}, asked
    finally:
        await runner.cleanup()


async def test_a_change_that_the_store_does_not_take_is_asked_for_again_as_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control, "_AGAIN_S", 0.01)
    async with answering("STORE_UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS", None) as (env, asked):
        assert (await Tollhouse()("key", "revoke", "key_1", "--json", env=env)).exit_code == 0
        assert len(asked) == 3
        assert len(set(asked)) == 1
        assert asked[0][1]
        await Tollhouse()("key", "revoke", "key_1", "--json", env=env)
        assert asked[3][1] not in (None, asked[0][1])


async def test_not_for_ever_and_nothing_else_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_AGAIN_S", 0.01)
    for codes, words, times in (
        (("STORE_UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS"), ("key", "revoke", "key_1"), 4),
        (("STORE_UNAVAILABLE",), ("key", "list"), 1),
        (("ARCHIVE_UNAVAILABLE",), ("key", "revoke", "key_1"), 1),
    ):
        async with answering(*codes) as (env, asked):
            result = await Tollhouse()(*words, env=env)
        assert (result.exit_code, len(asked)) == (1, times)
        assert f"It is {codes[0]}." in result.stderr


async def test_wrong_settings_are_a_usage_error() -> None:
    result = await Tollhouse()(*LIST, env={"TOLLHOUSE_NONSENSE": "1"})
    assert result.exit_code == 2
    assert "TOLLHOUSE_NONSENSE" in result.stderr
