"""Where a store is and who we are there: what redis-py reads in the URL, and a connection opened by it."""

import asyncio
from collections.abc import Callable

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import RedisError

from gateway.adapters.redis.line import Line


class Address:
    """Raises ValueError where the URL asks for what there is not. Certificates are read here, once."""

    def __init__(self, pool: ConnectionPool) -> None:
        make: Callable[[], AbstractConnection] = pool.make_connection
        try:
            self._to = make()
            self._tls = self._to.ssl_context.get() if isinstance(self._to, SSLConnection) else None
            if isinstance(self._to, Connection):
                self._to.host.encode("idna")
        except (RedisError, OSError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    async def open(self, line: Line) -> None:
        """Connect, and say nothing yet. Raises OSError."""
        loop, to = asyncio.get_running_loop(), self._to
        if isinstance(to, UnixDomainSocketConnection):
            await loop.create_unix_connection(lambda: line, to.path)
        elif isinstance(to, Connection):
            await loop.create_connection(lambda: line, to.host, to.port, ssl=self._tls)

    def introduction(self) -> list[tuple[str | int, ...]]:
        """What the store must hear first. The last of it shows that the store listens to us at all."""
        to = self._to
        name = (to.username,) if to.username else ()
        return [
            *([("AUTH", *name, to.password or "")] if to.username or to.password else []),
            *([("SELECT", int(to.db))] if int(to.db) else []),
            ("ECHO", "ready"),
        ]
