"""A PostgreSQL server that belongs to the tests: its own cluster, on a socket in its own directory, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_PROGRAMS: Final = Path("/usr/lib/postgresql")
# The server refuses to run as root; Debian's package brings an account for it.
_ACCOUNT: Final = "postgres"


class Postgres:
    """One cluster, through all its lives; `url` leads to its empty database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.url = f"postgresql://toll@/postgres?host={directory}"
        if os.geteuid() == 0:
            shutil.chown(directory, _ACCOUNT)
        _run("initdb", "--pgdata", directory / "data", "--auth", "trust", "--username", "toll", "--no-sync")

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self._directory} -c max_connections=50"
        words = ("--pgdata", self._directory / "data", "--log", self._directory / "log", "-o", options)
        _run("pg_ctl", "start", "--wait", *words)

    def kill(self) -> None:
        """It ends at once, as in a crash: what it had not committed is gone."""
        _run("pg_ctl", "stop", "--mode", "immediate", "--pgdata", self._directory / "data")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run one. A machine without the programs fails the test."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        server = Postgres(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def running_postgres() -> Iterator[str]:
    with postgres() as server:
        yield server.url


def _run(program: str, *words: str | Path) -> None:
    found = sorted(_PROGRAMS.glob(f"*/bin/{program}"))
    assert found, f"there is no {program} below {_PROGRAMS}: install the package postgresql"
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam(_ACCOUNT)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    # Its output must not keep a pipe of ours open: the server inherits it.
    done = subprocess.run([found[-1], *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **account)
    assert done.returncode == 0, f"{program} ended with {done.returncode}"
