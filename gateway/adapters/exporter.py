"""The exporter's process as the gateway sees it: started with its orders, listened to, and gone when the gateway is.

Rows are made in a process of its own because submits would wait for them otherwise, and pay for them: two rows cost
about as much as all else that a submit costs. What the process runs is `gateway/exporter.py`.
"""

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gateway.core.acceptance import Witness

DELAY_S = 1.0
_STOP_S: Final = 5.0
# Without what is in the directory that the gateway was started in.
_COMMAND: Final = (sys.executable, "-P", "-m", "gateway.exporter")


class ExporterEnded(Exception):
    """The process ended by itself."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What to export from where to where. `holder` names the gateway in the lease; `fresh` names a new database.

    They are the first line of the process's input: its words and its environment are for everybody to read.
    """

    store: str = field(repr=False)
    database: str = field(repr=False)
    holder: str
    fresh: str

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Orders":
        return cls(**json.loads(line))


class ExporterProcess:
    """Work for `service/background.py`. `learn` is told of each entry up to which SQL is; `trouble` is why nothing is
    exported, if nothing is.
    """

    def __init__(self, orders: Orders, learn: Callable[[Witness], None]) -> None:
        self.trouble: str | None = None
        self.process_id: int | None = None
        self._orders = orders
        self._learn = learn

    async def __call__(self) -> None:
        """Run the process until this is cancelled. Raises ExporterEnded.

        A start is not held up by it, and what lives for a moment only needs none.
        """
        await asyncio.sleep(DELAY_S)
        process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True)
        self.process_id = process.pid
        try:
            await self._listen(process)
        finally:
            await _end(process)
        raise ExporterEnded

    async def _listen(self, process: Process) -> None:
        # Both are there: they were asked for.
        writer, reader = process.stdin, process.stdout
        if writer is not None and reader is not None:
            writer.write(self._orders.line())
            async for line in reader:
                self._hear(json.loads(line))

    def _hear(self, said: Mapping[str, Any]) -> None:
        match said:
            case {"cursor": [epoch, sequence, entry]}:
                self._learn(Witness(epoch, sequence, entry))
            case {"log": [name, level, message, fields]}:
                logging.getLogger(name).log(level, "%s", message, extra={"fields": fields})
            case {"trouble": trouble}:
                self.trouble = trouble
            case _:
                raise ExporterEnded


async def _end(process: Process) -> None:
    """It ends when its input does, after what it is writing."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def cursor_line(cursor: Witness) -> bytes:
    """How the process says how far SQL is."""
    return _line({"cursor": [cursor.epoch, cursor.sequence, cursor.entry]})


def trouble_line(trouble: str | None) -> bytes:
    return _line({"trouble": trouble})


def log_line(record: logging.LogRecord) -> bytes:
    """What the process has to say is in the gateway's log, in the form of all that is there."""
    fields = getattr(record, "fields", {})
    return _line({"log": [record.name, record.levelno, record.getMessage(), fields]})


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"
