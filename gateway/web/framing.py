"""Requests that aiohttp's server takes and we do not, because another server on the way may read them differently.

The rule of this file: HTTP/1.1 or 1.0, one `Host`, a plain path, one of every header that decides anything, and no
body whose end is open to dispute. Checked before routing, on the target as it was sent.
"""

import re
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web

from gateway.web import errors
from gateway.web.headers import SINGLE
from gateway.web.problem import GatewayError

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,=:@-]+/)*[A-Za-z0-9._~!$&'()*+,=:@-]*")
_QUERY = re.compile(r"[!-~]*")
_VALUE = re.compile(r"[\t -~]*")
_DOT_SEGMENT = re.compile(r"\.\.|/\.(?:/|$)")

_TARGET: Final = 'The target must be a plain path: none of "%", "//", "\\", ";", "..", and ASCII only.'


def refusal(request: web.BaseRequest) -> GatewayError | None:
    """Why a request is not taken, or None. A refused request's connection must be closed after the answer."""
    message = _version(request) or _headers(request) or _target(request.raw_path)
    if message is not None:
        return errors.invalid_request(message)
    expectation = request.headers.get("Expect")
    return None if expectation is None or expectation.lower() == "100-continue" else errors.expectation_failed()


def query_refusal(request: web.BaseRequest) -> GatewayError | None:
    """For routes without a query string, where one could be read as a second source of input. Even an empty one."""
    if "?" in request.raw_path:
        return errors.invalid_request("This address takes no query string; put everything in the body.")
    return None


def _version(request: web.BaseRequest) -> str | None:
    if request.version not in (HttpVersion11, HttpVersion10):
        return "The request must be HTTP/1.1."
    coding = request.headers.get("Transfer-Encoding")
    if coding is not None and (request.version != HttpVersion11 or coding.lower() != "chunked"):
        return 'The only transfer coding is "chunked", in HTTP/1.1.'
    return None


def _headers(request: web.BaseRequest) -> str | None:
    headers = request.headers
    for name in SINGLE:
        values = headers.getall(name, ())
        if len(values) > 1 or (values and not _VALUE.fullmatch(values[0])):
            return f'"{name}" must be given once, in ASCII.'
    if "Authorization" in headers and "x-api-key" in headers:
        return 'Send the key in "Authorization" or in "x-api-key", not in both.'
    if not HOST.fullmatch(headers.get("Host", "")):
        return '"Host" must be given as a host name or address, with or without a port.'
    if "Upgrade" in headers or "upgrade" in headers.get("Connection", "").lower():
        return "This gateway upgrades to no other protocol."
    return None


def _target(target: str) -> str | None:
    path, _, query = target.partition("?")
    if not _PATH.fullmatch(path) or _DOT_SEGMENT.search(path) or not _QUERY.fullmatch(query):
        return _TARGET
    return None
