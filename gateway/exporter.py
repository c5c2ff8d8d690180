"""The exporter as a process: `python -m gateway.exporter`, started by a gateway through `adapters/exporter.py`.

The rule of this file: it ends when its input ends. So it is gone when its gateway is, however that ended; and what it
had not committed then, the next one exports.
"""

import asyncio
import logging
import sys
from functools import partial
from typing import Final

from gateway.adapters.exporter import Orders, cursor_line, log_line, trouble_line
from gateway.adapters.redis.connection import connect
from gateway.adapters.redis.stream import RedisStream
from gateway.adapters.redis.watch import RedisWatch
from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.adapters.system import SystemClock
from gateway.core.acceptance import Witness
from gateway.service.background import every, keep
from gateway.service.export import Export

_EXPORT_S: Final = 0.5


class _Teller(logging.Handler):
    """Sends log lines to the gateway."""

    def emit(self, record: logging.LogRecord) -> None:
        _tell(log_line(record))


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


async def main() -> None:
    """Export until the input ends."""
    logging.basicConfig(level=logging.INFO, handlers=[_Teller()])
    loop, orders_in = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders_in), sys.stdin)
    orders = Orders.read(await orders_in.readline())
    store, archive = connect(orders.store), SqlArchive(open_engine(orders.database), orders.fresh)
    export = Export(RedisStream(store), archive, RedisWatch(store.run), _learn, SystemClock(), orders.holder)
    work = loop.create_task(keep("export", partial(every, _EXPORT_S, partial(_round, export))))
    await orders_in.read()
    work.cancel()
    await asyncio.wait([work])
    await archive.close()
    await store.close()


def _learn(cursor: Witness) -> None:
    _tell(cursor_line(cursor))


async def _round(export: Export) -> None:
    try:
        await export()
    finally:
        _tell(trouble_line(export.trouble))


if __name__ == "__main__":
    asyncio.run(main())
