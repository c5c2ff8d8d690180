"""Reading a JSON body: its type, its size and its pace, all bounded."""

import asyncio
import re
from typing import Final

from aiohttp import HttpVersion11, web
from multidict import CIMultiDictProxy

from gateway.web import errors
from gateway.web.problem import GatewayError

_JSON = re.compile(r'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?', re.IGNORECASE)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


async def continue_later(_request: web.Request) -> None:
    """The `expect_handler` of routes that call `read_body`, which asks for the body once it is sure to want it."""


async def read_body(request: web.Request, limit: int, seconds: float) -> bytes | GatewayError:
    """The whole body, at most `limit` bytes, complete within `seconds`; or why not.

    Whatever is refused here may leave unread bytes behind: the edge then closes the connection after the answer.
    """
    refused = body_refusal(request.headers, request.content_length, limit)
    return refused or await read_raw_body(request, limit, seconds)


async def read_raw_body(request: web.Request, limit: int, seconds: float) -> bytes | GatewayError:
    """As `read_body`, of whatever type and coding."""
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError:
        return errors.body_late(seconds)
    except (web.RequestPayloadError, OSError):
        return errors.invalid_request("The body ended before it was complete, or its chunks are malformed.")


def body_refusal(headers: CIMultiDictProxy[str], length: int | None, limit: int) -> GatewayError | None:
    """Why a body is not wanted, from what the head says of it: no JSON, encoded, or longer than `limit` bytes."""
    kind = headers.get("Content-Type", "")
    if kind != "application/json" and not _JSON.fullmatch(kind):
        return errors.unsupported_media_type('The body must be sent as "Content-Type: application/json".')
    codings = headers.getall("Content-Encoding", ())
    if any(coding.lower() != "identity" for coding in codings):
        return errors.unsupported_media_type("The body must be sent without a content encoding.")
    if (length or 0) > limit:
        return errors.body_too_large(limit)
    return None


async def _read(request: web.Request, limit: int) -> bytes | GatewayError:
    if "Expect" in request.headers and request.version == HttpVersion11:
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0
    content = bytearray()
    async for chunk in request.content.iter_any():
        content += chunk
        if len(content) > limit:
            return errors.body_too_large(limit)
    return bytes(content)
