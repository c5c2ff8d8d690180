"""`tollhouse store init` as an operator meets it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.serving import PROGRAM, environment, run, serving, until
from tests.store import running_store


def test_a_shared_store_is_begun_and_says_what_it_is(tmp_path: Path) -> None:
    with running_store() as url:
        done = run(tmp_path, "store", "init", "--yes", redis_url=url)
        assert done.returncode == 0, done.stderr
        first, second, third = done.stdout.splitlines()
        assert first.startswith('The store at TOLLHOUSE_REDIS_URL is that of organization "')
        assert "are live: version " in second
        assert "tollhouse key issue" in third
        assert url not in done.stdout + done.stderr

        again = run(tmp_path, "store", "init", "--yes", redis_url=url)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.startswith("the store is not empty: it serves the organization ")


def test_as_a_document(tmp_path: Path) -> None:
    with running_store() as url:
        done = run(tmp_path, "store", "init", "--yes", "--json", redis_url=url)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document.keys() == {"organization", "epoch", "policies", "version", "teams", "forgotten"}
    assert document["forgotten"] is None


def test_nobody_is_asked_who_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "store", "init"], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, capture_output=True
    )
    assert done.returncode == 2
    assert b"--yes" in done.stderr
    assert not (tmp_path / ".tollhouse").exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_somebody_is_asked(tmp_path: Path, answer: str, code: int) -> None:
    """On a terminal: `script` of the standard library's pty gives it one."""
    talk = (
        "import pty, sys, os\n"
        "pid, fd = pty.fork()\n"
        "if pid == 0: os.execv(sys.argv[1], sys.argv[1:])\n"
        f"os.write(fd, {answer.encode()!r})\n"
        "try:\n"
        "    while os.read(fd, 4096): pass\n"
        "except OSError: pass\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", talk, *PROGRAM, "store", "init"], cwd=tmp_path, env=environment(), capture_output=True
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / ".tollhouse" / "store" / "appendonlydir").exists() == (code == 0)


def test_an_embedded_store_that_was_thrown_away_is_not_begun_by_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert served.submit()[0] == 200
        until(lambda: '"sequence":2' in (tmp_path / ".tollhouse" / "witness.json").read_text())
        assert served.stop() == 0
    shutil.rmtree(tmp_path / ".tollhouse" / "store")

    refused = run(tmp_path, "serve")
    assert (refused.returncode, refused.stdout) == (1, "")
    [sentence] = refused.stderr.splitlines()
    assert sentence.startswith("the store is empty, and was not when this gateway used it last (epoch ")
    assert sentence.endswith("run: tollhouse store init")

    done = run(tmp_path, "store", "init", "--yes")
    assert done.returncode == 0, done.stderr
    assert "This gateway remembers epoch " in done.stdout
    with serving(tmp_path) as served:
        assert "running, and admits nothing yet" in served.block
        assert "tollhouse doctor" in served.block
        until(lambda: served.submit()[0] == 200)
        assert served.stop() == 0
    with serving(tmp_path) as served:
        assert "is ready" in served.block
