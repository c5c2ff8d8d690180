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


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run one; yields the URL of its empty database. A machine without the programs fails the test."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        if os.geteuid() == 0:
            shutil.chown(directory, _ACCOUNT)
        _run("initdb", "--pgdata", directory / "data", "--auth", "trust", "--username", "toll", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={directory} -c max_connections=50"
        try:
            _run("pg_ctl", "start", "--wait", "--pgdata", directory / "data", "--log", directory / "log", "-o", options)
            yield f"postgresql://toll@/postgres?host={directory}"
        finally:
            _run("pg_ctl", "stop", "--mode", "immediate", "--pgdata", directory / "data")


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
