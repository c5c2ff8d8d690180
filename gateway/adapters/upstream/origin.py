"""The one server that an upstream is: connections to it, lent for one exchange each.

The rule of this file: an exchange gets one connection and no second chance. A connection that turns out dead before
anything was written is replaced, by the pool; one that turns out so afterwards ends the exchange.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from gateway.adapters.upstream.connection import Connection
from gateway.adapters.upstream.inflow import Inflow
from gateway.adapters.upstream.pool import Pool
from gateway.adapters.upstream.request import Sending, Trouble, opening
from gateway.core.reply import Reply
from gateway.ports import Clock

CONNECT_S: Final = 10.0
# How long an address of one family may stay silent before one of the other is tried beside it (RFC 8305).
_NEXT_ADDRESS_S: Final = 0.25
_PORTS: Final = {"http": 80, "https": 443}


class Origin:
    """`url` is http or https, a host, perhaps a port, and the path below which the API lives."""

    def __init__(self, url: str, clock: Clock) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._named = _named(self._host, "" if self._port == _PORTS[parts.scheme] else f":{self._port}")
        self._path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self._tls = _tls() if parts.scheme == "https" else None
        self._clock = clock
        self._pool = Pool(clock)

    def opening(self, method: str, path: str) -> str:
        """How requests for this path begin."""
        return opening(method, self._path + path, self._named)

    async def exchange(self, content: bytes, sending: Sending) -> Reply:
        """Send the request once, and read the reply. Raises Trouble or OSError."""
        now = self._clock.monotonic()
        connection = self._pool.take(now) or await self._connect(sending.deadline - now)
        try:
            return await connection.ask(content, sending, self._clock)
        finally:
            self._pool.give_back(connection)

    @asynccontextmanager
    async def passage(self, content: bytes, sending: Sending) -> AsyncIterator[Inflow]:
        """Send the request once, and hand out the reply as it comes. Raises Trouble or OSError."""
        now = self._clock.monotonic()
        connection = self._pool.take(now) or await self._connect(sending.deadline - now)
        try:
            yield await connection.open(content, sending, self._clock)
        finally:
            connection.leave()
            self._pool.give_back(connection)

    def close(self) -> None:
        """Close all idle connections, and those in use as soon as they no longer are."""
        self._pool.close()

    async def _connect(self, left: float) -> Connection:
        """A connection that is ready: resolved, connected and, where it is to be, encrypted and verified."""
        if left <= 0:
            raise Trouble("deadline passed")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(min(CONNECT_S, left)):
            addresses = await self._resolve(loop)
            # Not `create_connection`, which tries addresses one by one on uvloop: a dead one would use up all the time.
            line = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=loop)
            try:
                _, connection = await loop.create_connection(
                    partial(Connection, loop),
                    sock=line,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
            except BaseException:
                line.close()
                raise
        if not connection.usable:
            raise Trouble("connection closed before the request")
        return connection

    async def _resolve(self, loop: asyncio.AbstractEventLoop) -> Sequence[AddrInfoType]:
        flags = 0 if _is_address(self._host) else socket.AI_ADDRCONFIG
        try:
            return await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=flags)
        except UnicodeError:
            raise Trouble("a host name that cannot be one") from None


def _named(host: str, port: str) -> str:
    """The host as requests name it."""
    name = host if host.isascii() else host.encode("idna").decode()
    return (f"[{name}]" if ":" in name else name) + port


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _tls() -> ssl.SSLContext:
    """Verifies the certificate and the name in it, by the system's authorities."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
