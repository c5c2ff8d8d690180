"""Answers that are none: resets, silence, half a reply, errors in every form."""

import asyncio
import html
import socket
import struct
from contextlib import suppress
from typing import Final

from aiohttp import web

from gateway.sandbox.calls import ECHO_HEADER, credentials, echoed
from gateway.sandbox.faults import Faults
from gateway.sandbox.replies import RETRY_AFTER_SECONDS, Refusal, error_envelope, send

_POLL_SECONDS: Final = 0.05
# Linger on, for zero seconds: closing sends RST and not FIN.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


def reset(request: web.Request) -> web.Response:
    """Break the connection with a TCP reset; the returned reply reaches nobody."""
    if (transport := request.transport) is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


async def hang(request: web.Request, closing: asyncio.Event) -> web.Response:
    """Say nothing until the caller gives up or the sandbox ends."""
    while request.transport is not None and not closing.is_set():
        await pause(_POLL_SECONDS, closing)
    return reset(request)


async def pause(seconds: float, closing: asyncio.Event) -> None:
    """Wait, but not beyond the end of the sandbox."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await closing.wait()


async def truncate(request: web.Request, whole: bytes) -> web.StreamResponse:
    """Promise the whole reply, send half of it, close."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(whole))})
    response.force_close()
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def error(request: web.Request, faults: Faults, status: int, request_id: str) -> web.Response:
    """The error that was asked for, in the envelope, without `success` and `requestId`, or as a proxy's HTML page."""
    details: dict[str, object] = {"retryAfter": RETRY_AFTER_SECONDS} if status == 429 else {}
    envelope = error_envelope(Refusal(faults.error_code, "The sandbox was told to answer this", details), request_id)
    if faults.error_body == "bare":
        envelope = {"error": envelope["error"]}
    response = send(echoed(envelope, request.headers) if faults.echo else envelope, status)
    if faults.error_body == "html":
        shown = html.escape(credentials(request.headers)) if faults.echo else ""
        page = f"<html><body><h1>{status}</h1>{shown}</body></html>"
        response = web.Response(text=page, status=status, content_type="text/html")
    if faults.redirect is not None:
        response.headers["Location"] = faults.redirect
    if faults.echo:
        response.headers[ECHO_HEADER] = credentials(request.headers)
    return response
