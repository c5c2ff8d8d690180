"""The provider's API over aiohttp: swap our key for the real one, send once, map every failure to a value.

The rule of this file: nothing is ever sent twice, redirects are never followed, and `may_have_left` is set the moment
a connection is ready, before the first byte. Unset means that nothing was sent; set means that nobody can know.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from traceback import format_tb
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from yarl import URL

from gateway.core.reply import NotSent, Reply, Unknown, UpstreamResult, read_submit_reply
from gateway.ports import Clock, Outgoing

_LOG: Final = logging.getLogger("tollhouse.upstream")

SLOTS: Final = 512
SLOT_WAIT_S: Final = 1.0
MAX_REPLY: Final = 1024**2
REDACTED: Final = "[redacted]"


class _DeadlinePassed(Exception):
    """The connection became ready after the submit's deadline: not a byte may leave."""


class _ReplyTooLarge(Exception):
    """No answer to a submit is this long."""


_FORESEEN: Final = (aiohttp.ClientError, OSError, TimeoutError, _DeadlinePassed, _ReplyTooLarge)


class HttpUpstream:
    """Implements `ports.Upstream` and its slots. `key` yields the real key, afresh for every request."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: Callable[[], str], clock: Clock) -> None:
        self._session = session
        self._submit_url = URL(base_url.rstrip("/") + "/v1/jobs/submit")
        self._key = key
        self._clock = clock
        self._slots = asyncio.Semaphore(SLOTS)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator["HttpUpstream | None"]:
        """A place in the pool, or None after a second. It is taken before the hold, so that waiting holds no money."""
        try:
            async with asyncio.timeout(SLOT_WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            yield None
            return
        try:
            yield self
        finally:
            self._slots.release()

    async def submit(self, outgoing: Outgoing) -> UpstreamResult:
        trace = SimpleNamespace(may_have_left=False, deadline=outgoing.deadline, clock=self._clock)
        try:
            key = self._key()
            headers = {
                **outgoing.headers,
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
            async with asyncio.timeout(outgoing.deadline - self._clock.monotonic()):
                reply = await self._post(outgoing.body, headers, trace)
            return read_submit_reply(_blotted(reply, key))
        except Exception as error:  # noqa: BLE001 (whatever it was, it happened before or after a byte may have left)
            cause = type(error).__name__
            if not isinstance(error, _FORESEEN):
                # A mistake of ours must not pass for trouble on the line. Without its text, which may quote a header.
                _LOG.error("a submit failed unforeseen: %s\n%s", cause, "".join(format_tb(error.__traceback__)))
            return Unknown(cause) if trace.may_have_left else NotSent(cause)

    async def _post(self, body: bytes, headers: Mapping[str, str], trace: SimpleNamespace) -> Reply:
        async with self._session.post(
            self._submit_url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=trace
        ) as response:
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_REPLY:
                    raise _ReplyTooLarge
            return Reply(response.status, response.headers, bytes(content))


def _blotted(reply: Reply, key: str) -> Reply:
    """The reply with the real key blotted out should the upstream have echoed it: nothing after this ever sees it."""
    headers = {name: value.replace(key, REDACTED) for name, value in reply.headers.items()}
    return Reply(reply.status, headers, reply.body.replace(key.encode(), REDACTED.encode()))


async def _connection_ready(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    trace = context.trace_request_ctx
    if trace.clock.monotonic() >= trace.deadline:
        raise _DeadlinePassed
    trace.may_have_left = True


def _trace_config() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(_connection_ready)
    config.on_connection_reuseconn.append(_connection_ready)
    return config


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """The tuned client session: no cookies, no proxies from the environment, no decompression, no automatic headers."""
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=15)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[_trace_config()],
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        requote_redirect_url=False,
    ) as session:
        yield session
