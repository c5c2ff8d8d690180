"""Log lines on their way out: written by a thread of their own, several at once.

The rule of this file: whoever logs never waits for whoever reads. Lines are made and written beside the event loop, a
moment late and in order; where nobody reads and too many wait, new ones are dropped, and the log says how many.
"""

import logging
import queue
import threading
from collections.abc import Sequence
from typing import Final, TextIO, TypeAlias

# Others join the first line for so long: one wake-up and one write then serve them all. Warnings do not wait.
_GATHER_S: Final = 0.02
_AT_ONCE: Final = 64
_MOST_WAITING: Final = 20_000
_PATIENCE_S: Final = 5.0

# An event asks to be told that all before it is written; None ends the thread.
_Waiting: TypeAlias = logging.LogRecord | threading.Event | None


class LaterHandler(logging.Handler):
    """Hands records to a thread that formats and writes them. `flush` and `close` wait until all are written."""

    def __init__(self, stream: TextIO, most_waiting: int = _MOST_WAITING) -> None:
        super().__init__()
        self._stream = stream
        self._most_waiting = most_waiting
        self._dropped = self._told = 0
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record. No lock is needed: the queue has one."""
        if self._waiting.qsize() >= self._most_waiting:
            self._dropped += 1
            return False
        self._waiting.put(record)
        if record.levelno >= logging.WARNING:
            self._hurry.set()
        return True

    def flush(self) -> None:
        """Wait until what was logged so far is written; not for ever, since nobody may be reading."""
        written = threading.Event()
        if self._end_with(written):
            written.wait(_PATIENCE_S)

    def close(self) -> None:
        if self._end_with(None):
            self._thread.join(_PATIENCE_S)
        super().close()

    def _end_with(self, last: threading.Event | None) -> bool:
        """Put `last` behind all that waits; False when nobody would get there any more."""
        if not self._thread.is_alive():
            return False
        self._waiting.put(last)
        self._hurry.set()
        return True

    def _run(self) -> None:
        ended = False
        while not ended:
            found = [self._waiting.get()]
            self._hurry.wait(_GATHER_S)
            self._hurry.clear()
            while not self._waiting.empty():
                found.append(self._waiting.get())
            for start in range(0, len(found), _AT_ONCE):
                self._write(found[start : start + _AT_ONCE])
            ended = any(one is None for one in found)

    def _write(self, found: Sequence[_Waiting]) -> None:
        """Write a few at a time, so that the event loop never waits long for its turn."""
        records = [one for one in found if isinstance(one, logging.LogRecord)]
        if (dropped := self._dropped) > self._told:
            records.append(_dropped_lines(dropped - self._told))
            self._told = dropped
        try:
            self._stream.write("".join([self._line(record) for record in records]))
            self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone, and there is no other place to say so.
            pass
        for one in found:
            if isinstance(one, threading.Event):
                one.set()

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return f"{self.format(record)}\n"
        except Exception as error:  # noqa: BLE001 (a record that cannot be written must not end all that come after it)
            # Without its text and arguments, which the library would print, and which may quote anything.
            return f"{self.format(_unwritable(record, error))}\n"


def _unwritable(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    return _own(logging.ERROR, f"a line of {record.name} could not be written: {type(error).__name__}")


def _dropped_lines(count: int) -> logging.LogRecord:
    return _own(logging.WARNING, f"{count} lines were dropped: nobody read the log fast enough")


def _own(level: int, told: str) -> logging.LogRecord:
    fields = {"name": "tollhouse.log", "levelno": level, "levelname": logging.getLevelName(level), "msg": told}
    return logging.makeLogRecord(fields)
