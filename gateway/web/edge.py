"""The outermost layer of every request on both planes.

The rule of this file: whatever happens inside, the client gets one complete answer in a form it can read, with a
request id, and no unread byte of a refused request is ever taken for the next request.
"""

import logging
import traceback
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.web import errors, headers
from gateway.web.call import accepted
from gateway.web.framing import refusal
from gateway.web.problem import GatewayError, render

REQUEST_ID: Final = web.RequestKey("request_id", str)
IS_LAST: Final[web.RequestKey[Callable[[], bool]]] = web.RequestKey("is_last")

_LOG: Final = logging.getLogger(__name__)


def edge(make_id: Callable[[], str], is_last: Callable[[], bool]) -> Middleware:
    """The middleware that must enclose all others. `make_id` makes a request id where the client sent no sane one;
    `is_last` says whether connections end with their next answer.

    `listener.Listener` puts it around the whole application, so that it also answers for aiohttp's own routing.
    """

    @web.middleware
    async def enclose(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = headers.request_id(request.headers, make_id)
        request[IS_LAST] = is_last
        refused = refusal(request)
        response = await _answer(request, handler) if refused is None else answer(request, refused)
        if not response.prepared:
            dress(request, response)
            if refused is not None:
                response.force_close()
        return response

    return enclose


def dress(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """What every answer carries. Where it is the last, or its request was not read to the end, the connection ends too.

    Handlers that send an answer piece by piece do this first.
    """
    response.headers[headers.REQUEST_ID] = request[REQUEST_ID]
    response.headers["Server"] = headers.SERVER
    if request[IS_LAST]() or not _fully_read(request):
        response.force_close()


def answer(request: web.BaseRequest, error: GatewayError) -> web.Response:
    """The response for an error, in the form that the request asks for."""
    return render(error, request[REQUEST_ID], accepted(request.headers)).response()


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            return web.Response(status=error.status, headers=error.headers)
        return answer(request, _translated(error))
    except Exception as error:  # noqa: BLE001 - the last resort: an answer without internals, and one line in the log
        log_failure(request[REQUEST_ID], error)
        if request.writer.output_size > 0:
            raise ConnectionResetError("an answer had begun") from None
        return answer(request, errors.internal_error())


def log_failure(request_id: str, error: Exception) -> None:
    """Where it failed, and never what with: an exception's text may quote a body or a header."""
    place = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("request %s failed with %s\n%s", request_id, type(error).__name__, place)


def _translated(error: web.HTTPException) -> GatewayError:
    """What aiohttp raises by itself, in our words."""
    match error:
        case web.HTTPNotFound():
            return errors.not_found()
        case web.HTTPMethodNotAllowed():
            return errors.method_not_allowed(error.headers["Allow"])
        case web.HTTPRequestEntityTooLarge():
            return errors.body_too_large(int(error.headers.get("X-Max-Size", 0)))
        case web.HTTPExpectationFailed():
            return errors.expectation_failed()
        case web.HTTPServerError():
            return errors.internal_error()
        case _:
            return errors.invalid_request("The request is malformed.")


def _fully_read(request: web.BaseRequest) -> bool:
    """Whether the body has arrived to its sound end, so that the next byte on the connection begins a request."""
    return request.content.is_eof() and request.content.exception() is None
