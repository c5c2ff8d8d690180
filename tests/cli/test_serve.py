"""`tollhouse serve` as a newcomer and an operator meet it: real processes, killed in every way."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis

import gateway
from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from tests.cli.serving import Served, ask, run, serving, until
from tests.store import running_store
from tests.walkthrough.house import CANARY

ROOT = Path(gateway.__file__).parents[1]
ADMIN = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))


def printed_request(block: str) -> Any:
    """Ask what the block says."""
    words = shlex.split(block[block.index("curl -X POST") :])
    headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    request = urllib.request.Request(words[3], words[words.index("-d") + 1].encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def pasted_request(block: str) -> Any:
    """Paste what the block says into a shell."""
    assert shutil.which("curl"), "curl is not installed"
    command = block[block.index("curl -X POST") :].replace("curl", "curl -sS", 1)
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def posted(served: Served) -> str:
    return str(served.limits()["monthly-spend"]["posted"])


def test_it_comes_up_prints_what_one_needs_and_the_request_it_prints_works(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert f"Tollhouse {gateway.__version__} is ready." in served.block
        assert served.row("data plane").startswith("http://127.0.0.1:")
        assert served.row("control plane").startswith("http://127.0.0.1:")
        assert "(the built-in sandbox)" in served.block
        assert (served.row("store"), served.row("data")) == ("embedded", str(tmp_path / ".tollhouse"))

        answer = printed_request(served.block)

        assert (answer["status"], answer["costMicroCents"]) == ("pending", 700_000)
        assert answer["jobId"]
        assert answer["estimatedCompletionTime"]
        assert posted(served) == "0.700000"
        assert served.submit(duration="10", has_sound="true")[1]["costMicroCents"] == 1_400_000
        assert served.submit(has_sound="false")[1]["costMicroCents"] == 350_000
        assert served.sandbox("account")["charged"] == 2_450_000
        assert posted(served) == "2.450000"

        # The log is one JSON document a line, without secrets; the demo key is for the reader of the block alone.
        assert served.stop() == 0
        said = [json.loads(line) for line in served.log.read_text().splitlines()]
        submissions = [line for line in said if line["message"] == "submission"]
        assert [line["cost_usd"] for line in submissions] == ["0.700000", "1.400000", "0.350000"]
        assert served.key not in served.log.read_text()


def test_a_second_start_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        assert printed_request(first.block)["costMicroCents"] == 700_000
        assert first.stop(signal.SIGINT) == 0
    with serving(tmp_path) as second:
        assert second.key == first.key
        assert posted(second) == "0.700000"
        assert second.submit()[0] == 200
        assert posted(second) == "1.050000"


def test_a_stop_lets_a_running_submit_finish(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads, serving(tmp_path) as served:
        running = threads.submit(served.submit, sandbox={"latency_ms": 1000})
        until(lambda: len(served.sandbox("requests")["requests"]) == 1)
        assert served.stop() == 0
        status, answer = running.result()
        assert (status, answer["costMicroCents"]) == (200, 350_000)
        assert b"Traceback" not in served.log.read_bytes()
    with serving(tmp_path) as again:
        assert posted(again) == "0.350000"
        assert again.limits()["monthly-spend"]["held"] == "0.000000"


def test_sighup_exchanges_secrets_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        admin, pepper = (tmp_path / ".tollhouse" / name for name in ("admin.key", "pepper"))
        keys, first = served.row("control plane") + "/admin/v1/keys", admin.read_text().strip()
        assert ask(keys, first)[0] == 200
        # The old pepper stays among them, so that keys which were digested under it are still known.
        pepper.write_text(f"{pepper.read_text().strip()} 2:{'f' * 64}\n")
        admin.write_text(ADMIN)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: ask(keys, ADMIN)[0] == 200)
        assert ask(keys, first)[0] == 401
        assert served.submit()[0] == 200
        issued = ask(keys, ADMIN, {"team": "demo", "name": "under the new pepper"})[1]["key"]
        assert served.submit(issued)[0] == 200

        admin.write_text("hunter2")
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "the secrets stay as they were" in served.log.read_text())
        assert ask(keys, ADMIN)[0] == 200
        assert "hunter2" not in served.log.read_text()
        assert served.stop() == 0
    admin.write_text(ADMIN)
    with serving(tmp_path) as again:
        assert again.submit(issued)[0] == 200


def store_of(served: Served) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(served.root / ".tollhouse" / "store" / "store.sock"))


def store_pid(served: Served) -> int:
    with store_of(served) as client:
        return int(client.info("server")["process_id"])


def alive(pid: int) -> bool:
    """Whether a process runs. One that has ended and waits for its parent to look does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def exporter_pid(served: Served) -> int:
    """The gateway's other child, once it is there."""
    found = list[int]()

    def there() -> bool:
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
        found[:] = [int(pid) for pid in children if b"gateway.exporter" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return bool(found)

    until(there)
    return found[0]


def test_a_gateway_that_is_killed_takes_its_exporter_along(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        pid = exporter_pid(served)
        served.stop(signal.SIGKILL)
        until(lambda: not alive(pid))


def test_an_exporter_that_is_killed_is_started_again_and_a_stop_ends_it(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        pid = exporter_pid(served)
        os.kill(pid, signal.SIGKILL)
        until(lambda: exporter_pid(served) != pid)
        pid = exporter_pid(served)
        assert served.stop() == 0
        assert not alive(pid)


def test_a_gateway_that_is_killed_takes_its_store_along_and_forgets_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads, serving(tmp_path) as served:
        assert served.submit()[0] == 200
        cut_off = threads.submit(served.submit, sandbox={"latency_ms": 5000})
        until(lambda: len(served.sandbox("requests")["requests"]) == 2)
        pid = store_pid(served)
        assert served.stop(signal.SIGKILL) == -signal.SIGKILL
        until(lambda: not alive(pid))
        assert cut_off.exception() is not None
    with serving(tmp_path) as again:
        # What was answered is posted; what was under way is held, because it may have been sent.
        limit = again.limits()["monthly-spend"]
        assert (limit["posted"], limit["held"]) == ("0.350000", "0.350000")
        assert again.submit()[0] == 200


def test_a_store_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert served.submit()[0] == 200
        pid = store_pid(served)
        os.kill(pid, signal.SIGKILL)

        until(lambda: served.submit()[0] == 200)

        assert store_pid(served) != pid
        assert int(float(posted(served)) * 1e6) == served.sandbox("account")["charged"] == 700_000
        assert served.stop() == 0


def test_two_on_one_data_directory_are_one_too_many(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        second = run(tmp_path, "serve")
        assert second.returncode == 1
        assert second.stderr == f"another process is using the data directory {tmp_path / '.tollhouse'}\n"
        assert second.stdout == ""
        assert served.submit()[0] == 200


def test_a_real_upstream_that_is_not_there(tmp_path: Path) -> None:
    real = {"PIXELBYTE_API_KEY": CANARY, "upstream_url": "http://127.0.0.1:9"}
    with serving(tmp_path, **real) as served:
        assert served.row("upstream") == "http://127.0.0.1:9"
        assert "curl" not in served.block
        control = served.row("control plane")
        issued = run(tmp_path, "key", "issue", "--team", "demo", "--name", "mine", "--json", control_url=control)
        assert issued.returncode == 0, issued.stderr
        key = json.loads(issued.stdout)["key"]

        status, answer = served.submit(key)

        assert (status, answer["error"]["code"]) == (502, "UPSTREAM_UNREACHABLE")
        for row in served.limits(key).values():
            assert float(row["posted"]) == float(row["held"]) == 0
        assert served.stop() == 0
        assert '"outcome":"unreachable"' in served.log.read_text()
        assert CANARY not in served.log.read_text() + served.block


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        ({"listen": "8080"}, 2, "TOLLHOUSE_LISTEN: write host:port, "),
        ({"upstreams": "x"}, 2, "TOLLHOUSE_UPSTREAMS: there is no such setting"),
        ({"policies": "/nowhere/policies"}, 1, "/nowhere/policies: is not a directory that can be read"),
        ({"store_init": "never"}, 1, "the store is empty; TOLLHOUSE_STORE_INIT=auto "),
        ({"PIXELBYTE_API_KEY": "pb_x y"}, 1, "PIXELBYTE_API_KEY must be one line"),
        (
            {"redis_url": "unix:///nowhere/store.sock", "pepper": "p", "admin_key": ADMIN},
            1,
            "the store cannot be used: ",
        ),
    ],
)
def test_what_cannot_start_says_why_in_a_sentence(
    tmp_path: Path, given: dict[str, str], code: int, sentence: str
) -> None:
    done = run(tmp_path, "serve", **given)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_store_that_others_share_wants_both_secrets_and_one_sentence_names_their_files(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", redis_url="redis://127.0.0.1:1")
    assert done.returncode == 2
    [sentence] = done.stderr.splitlines()
    assert "TOLLHOUSE_PEPPER_FILE" in sentence
    assert "TOLLHOUSE_ADMIN_KEY_FILE" in sentence


@pytest.mark.system
def test_the_printed_request_works_when_it_is_pasted(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert pasted_request(served.block)["costMicroCents"] == 700_000
        assert posted(served) == "0.700000"


@pytest.mark.system
def test_on_unix_sockets(tmp_path: Path) -> None:
    sockets = {"listen": f"unix:{tmp_path / 'data.sock'}", "control_listen": f"unix:{tmp_path / 'control.sock'}"}
    with serving(tmp_path, **sockets) as served:
        assert served.row("data plane") == sockets["listen"]
        assert f"curl -X POST --unix-socket {tmp_path / 'data.sock'} http://tollhouse/v1/jobs/submit" in served.block
        assert pasted_request(served.block)["costMicroCents"] == 700_000


def shared_store(root: Path, url: str) -> dict[str, str]:
    """The settings of gateways that share a store."""
    (root / "pepper").write_text("0123456789abcdef\n")
    (root / "admin.key").write_text(ADMIN + "\n")
    files = {"pepper_file": str(root / "pepper"), "admin_key_file": str(root / "admin.key")}
    return {"redis_url": url, "store_init": "auto", **files}


def two_gateways(root: Path, store: dict[str, str]) -> None:
    """Two gateways on one store are one: one key, one budget, one revocation."""
    for name in ("one", "other"):
        (root / name).mkdir()
    with serving(root / "one", **store) as one, serving(root / "other", **store) as other:
        assert one.row("store") == "TOLLHOUSE_REDIS_URL"
        files = {path.name for path in (root / "one" / ".tollhouse").glob("[a-z]*")}
        assert files == {"demo.key", "spool", "witness.json", "ledger.db", "ledger.db-shm", "ledger.db-wal"}
        statuses = [served.submit(one.key)[0] for _ in range(8) for served in (one, other)]
        # Fourteen jobs of $0.35 fit below $5.00, wherever they are asked for.
        assert statuses == [200] * 14 + [402] * 2
        assert one.limits()["monthly-spend"] == other.limits(one.key)["monthly-spend"]
        charged = one.sandbox("account")["charged"] + other.sandbox("account")["charged"]
        assert charged == 14 * 350_000

        control = {"control_url": one.row("control plane"), "admin_key": ADMIN}
        issued = run(root, "key", "issue", "--team", "demo", "--name", "mine", "--json", **control)
        mine = json.loads(issued.stdout)
        assert ask(f"{other.url}/tollhouse/v1/me", mine["key"])[0] == 200
        assert run(root, "key", "revoke", mine["id"], **control).returncode == 0
        assert ask(f"{other.url}/tollhouse/v1/me", mine["key"])[0] == 401
        assert (one.stop(), other.stop()) == (0, 0)


def test_two_gateways_with_a_store_of_their_own(tmp_path: Path) -> None:
    with running_store() as url:
        two_gateways(tmp_path, shared_store(tmp_path, url))


@contextmanager
def debian_redis(root: Path) -> Iterator[Path]:
    """The redis-server of the system, with the settings that docs/operating.md asks for; yields its socket."""
    program = shutil.which("redis-server")
    assert program is not None, "this test needs a redis-server"
    socket = root / "redis.sock"
    durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"]
    command = [program, "--port", "0", "--unixsocket", str(socket), "--dir", str(root), *durable]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            until(socket.exists)
            yield socket
        finally:
            server.kill()


@pytest.mark.system
def test_with_a_redis_server_of_debian(tmp_path: Path) -> None:
    with debian_redis(tmp_path) as socket:
        two_gateways(tmp_path, shared_store(tmp_path, f"unix://{socket}"))


@pytest.mark.system
def test_with_a_redis_user_who_may_do_no_more_than_is_documented(tmp_path: Path) -> None:
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    allowed = sorted(set(re.findall(r"\+[a-z]+", operating)))
    with debian_redis(tmp_path) as socket:
        with redis.Redis(unix_socket_path=str(socket)) as client:
            rules = ["on", ">hunter2", "~{toll}:*", *allowed]
            client.execute_command("ACL", "SETUSER", "tollhouse", *rules)
            client.execute_command("ACL", "SETUSER", "default", "off")
        url = f"unix://tollhouse:hunter2@{socket}"
        with serving(tmp_path, **shared_store(tmp_path, url)) as served:
            assert served.submit()[0] == 200
            assert posted(served) == "0.350000"
            assert served.stop() == 0
            assert "hunter2" not in served.log.read_text()
            assert "STORE" not in served.log.read_text()


@pytest.mark.system
def test_a_store_of_the_system_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    """Nobody starts it again for us; until somebody does nothing is admitted, and then nothing is forgotten."""
    store = shared_store(tmp_path, f"unix://{tmp_path / 'redis.sock'}")
    with serving_on(tmp_path, store) as (served, key):
        status, answer = served.submit(key)
        assert (status, answer["error"]["code"]) == (503, "STORE_UNAVAILABLE")
        assert ask(f"{served.url}/readyz", key)[0] == 503
        (tmp_path / "redis.sock").unlink(missing_ok=True)
        with debian_redis(tmp_path):
            until(lambda: served.submit(key)[0] == 200)
            limit = served.limits(key)["monthly-spend"]
            assert (limit["posted"], limit["held"]) == ("0.700000", "0.000000")
            assert served.sandbox("account")["charged"] == 700_000


@contextmanager
def serving_on(root: Path, store: dict[str, str]) -> Iterator[tuple[Served, str]]:
    """A gateway that has sold one job, and whose store was killed since; and a key of it."""
    with debian_redis(root), serving(root, **store) as served:
        key = served.key
        assert served.submit(key)[0] == 200
        with redis.Redis(unix_socket_path=str(root / "redis.sock")) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))
        yield served, key
