"""Secrets in files: made once and kept, or written by somebody else and read again when they change."""

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SENDABLE = re.compile(r"[!-~]+")


class SecretFileError(Exception):
    """A secret file is not there, not readable, or empty."""


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, made and written there (mode 0600) if there is none yet. Raises SecretFileError."""
    if path.exists():
        return read_secret(path)
    # Written whole before it has its name: a crash in between leaves no empty secret behind.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8") as file:
        file.write(make() + "\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
    return read_secret(path)


def read_secret(path: Path) -> str:
    """The secret in a file, without the white space around it. Raises SecretFileError."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFileError(f"{path} cannot be read: {type(error).__name__}") from None
    if not secret:
        raise SecretFileError(f"{path} is empty")
    return secret


def sendable(secret: str) -> bool:
    """Whether a secret can stand in a header. One that cannot would fail only once a connection is open."""
    return _SENDABLE.fullmatch(secret) is not None


class WatchedSecret:
    """A secret to send, in a file that may be replaced at any time, as a mounted one is. Call it for the current one.

    A replacement that cannot be read or sent is passed over: the last good secret stays until a good one is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._secret = _read_sendable(path)

    def __call__(self) -> str:
        stamp = _stamp(self._path)
        if stamp is not None and stamp != self._stamp:
            try:
                self._secret = _read_sendable(self._path)
            except SecretFileError:
                return self._secret
            self._stamp = stamp
        return self._secret


def _read_sendable(path: Path) -> str:
    secret = read_secret(path)
    if not sendable(secret):
        raise SecretFileError(f"{path} must hold one line of visible ASCII, without spaces in it")
    return secret


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
