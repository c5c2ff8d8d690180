"""Opening the spool of a data directory: one process at a time, and what the ones before it left."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.adapters.spool.directory import DirectorySpool
from gateway.adapters.spool.earlier import read_earlier
from gateway.adapters.spool.retention import Bounds
from gateway.adapters.spool.segment import file_name, name_parts
from gateway.core.remains import Damage, Remains
from gateway.ports import Clock, SpoolUnavailable

_LOG: Final = logging.getLogger("tollhouse.spool")


class SpoolInUse(Exception):
    """Another process has this data directory."""


@contextmanager
def open_spool(
    data_dir: Path, boot: str, machine: str | None, clock: Clock, bounds: Bounds | None = None
) -> Iterator[tuple[DirectorySpool, Remains]]:
    """The spool of a data directory, and what earlier processes left in it.

    `boot` names this process and none before it, in letters and digits; `machine` is the machine's boot, None where
    nobody can tell it. No file is made before the first line. Raises SpoolInUse, SpoolUnavailable.
    """
    if name_parts(file_name(boot, 1)) != (boot, 1):
        raise ValueError(f"{boot!r} cannot be part of a file's name")
    directory = data_dir / "spool"
    with _locked(directory):
        try:
            remains, earlier = read_earlier(directory, machine)
        except OSError as error:
            raise SpoolUnavailable(f"the spool cannot be read: {error}") from None
        for damage in remains.damage:
            _report(damage)
        spool = DirectorySpool(directory, boot, machine, clock, bounds or Bounds(), earlier, remains.witness)
        try:
            yield spool, remains
        finally:
            spool.close()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """The directory, for this process alone as long as it lives: the system frees a lock whose holder is gone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolUnavailable(f"the spool cannot be opened: {error}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SpoolInUse(f"another process is using the data directory {directory.parent.absolute()}") from None
    except OSError as error:
        os.close(lock)
        raise SpoolUnavailable(f"the spool cannot be locked: {error}") from None
    try:
        yield
    finally:
        os.close(lock)


def _report(damage: Damage) -> None:
    """What a crash cut off was never acted upon; anything else was, and is gone."""
    if damage.torn:
        _LOG.warning("spool file %s ends in a line that was cut off", damage.file)
    if damage.lines:
        _LOG.error("spool file %s has %d damaged lines; they may have named accepted jobs", damage.file, damage.lines)
