"""`tollhouse` out of an interpreter that has loaded it: each command is a process, without the seconds of loading it.

A command has a terminal of its own, on which somebody has said yes.
"""

import io
import multiprocessing
import os
import pty
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

from gateway.cli import main
from tests.cli.serving import PATIENCE_S, environment

_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload(["gateway.cli", __name__])
_NEW = os.O_WRONLY | os.O_CREAT


def run_warm(root: Path, *arguments: str, **given: str) -> CompletedProcess[str]:
    """One command, to its end: `serving.run`, sooner."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"y\n")
        with tempfile.TemporaryDirectory() as directory:
            out, err = Path(directory) / "out", Path(directory) / "err"
            told = (arguments, root, environment(**given), os.ttyname(theirs), out, err)
            process = _LOADED.Process(target=_command, args=told)
            process.start()
            process.join(PATIENCE_S)
            code = process.exitcode
            process.kill()
            assert code is not None, f"{arguments} did not end"
            return CompletedProcess(arguments, code, out.read_text(), err.read_text())
    finally:
        os.close(ours)
        os.close(theirs)


def _command(
    arguments: tuple[str, ...], root: Path, variables: Mapping[str, str], terminal: str, out: Path, err: Path
) -> None:
    for number, path, flags in ((0, Path(terminal), os.O_RDWR), (1, out, _NEW), (2, err, _NEW)):
        os.dup2(os.open(path, flags, 0o600), number)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    os.chdir(root)
    os.environ.clear()
    os.environ.update(variables)
    main(arguments, "tollhouse")
