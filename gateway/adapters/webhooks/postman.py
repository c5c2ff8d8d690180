"""Calling what a client named: once, soon over, and nothing that only we could reach.

The rule of this file: what an address may be is decided where the connection is made, of the number it is made to. A
name that meant something else a moment ago, and an address that redirects, lead nowhere.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from gateway.core.delivery import ANSWER_WITHIN
from gateway.core.webhook_address import AllowedHost, check, is_named, may_reach

NOT_ALLOWED: Final = "address not allowed"
_HEADER_BYTES: Final = 4096


class _NotAllowed(OSError):
    """The address may not be called. Its text is the same for each, so that several are told as one."""

    def __init__(self) -> None:
        super().__init__(NOT_ALLOWED)


class HttpPostman:
    """Implements `deliver.Postman`. Make it in a running loop; `allowed` are hosts that may be private.

    `resolver` is for tests: what names mean.
    """

    def __init__(
        self,
        allowed: Sequence[AllowedHost],
        version: str,
        resolver: AbstractResolver | None = None,
        seconds: float = ANSWER_WITHIN.total_seconds(),
    ) -> None:
        self._allowed = tuple(allowed)
        self._guarded = _session(version, resolver, seconds, self._open_if_allowed)
        self._anywhere = _session(version, resolver, seconds, _open)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | str:
        """The status of the answer, or why there was none, in words that quote nothing. Its body is not read."""
        if check(url, self._allowed) is not None:
            return NOT_ALLOWED
        session = self._anywhere if is_named(url, self._allowed) else self._guarded
        try:
            target = URL(url, encoded=True)
            async with session.post(target, data=body, headers=headers, allow_redirects=False) as reply:
                return reply.status
        except (ClientError, OSError, ValueError) as error:
            return _cause(error)

    async def close(self) -> None:
        await self._guarded.close()
        await self._anywhere.close()

    def _open_if_allowed(self, found: Any) -> socket.socket:
        if not may_reach(found[4][0], self._allowed):
            raise _NotAllowed
        return _open(found)


def _open(found: Any) -> socket.socket:
    """A socket for an address as `getaddrinfo` tells it."""
    family, kind, protocol, _, _ = found
    return socket.socket(family, kind, protocol)


def _session(
    version: str, resolver: AbstractResolver | None, seconds: float, opens: Callable[[Any], socket.socket]
) -> ClientSession:
    """A client without memory: no cookies, no kept connections or names, no proxy of the environment's."""
    connector = TCPConnector(limit=0, force_close=True, use_dns_cache=False, resolver=resolver, socket_factory=opens)
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=seconds),
        trust_env=False,
        auto_decompress=False,
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
        skip_auto_headers=("Accept", "Accept-Encoding"),
        headers={"User-Agent": f"Tollhouse/{version}"},
    )


def _cause(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case ClientConnectorDNSError():
            return "name not found"
        case ClientConnectorCertificateError() | ClientSSLError():
            return "no trusted TLS"
        case ClientConnectorError(os_error=_NotAllowed()):
            return NOT_ALLOWED
        case ClientConnectorError():
            return "no connection"
        case _:
            return "no readable answer"
