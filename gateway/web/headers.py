"""Header names, and which headers cross the gateway.

The rule of this file: nothing crosses that is not on a list, in either direction. So hop-by-hop headers, credentials,
cookies, method overrides and redirects need no list of their own to be stripped.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from multidict import CIMultiDictProxy

from gateway import __version__

REQUEST_ID: Final = "X-Request-Id"
COST_USD: Final = "Tollhouse-Cost-Usd"
HOLD_ID: Final = "Tollhouse-Hold-Id"
LIMIT: Final = "Tollhouse-Limit"
HEADROOM_USD: Final = "Tollhouse-Headroom-Usd"
RESETS_AT: Final = "Tollhouse-Resets-At"
REPLAY: Final = "Tollhouse-Idempotent-Replay"
ERROR_SOURCE: Final = "Tollhouse-Error-Source"
REASON: Final = "Tollhouse-Reason"
SHOULD_RETRY: Final = "x-should-retry"

# Without a version: whoever wants to attack learns nothing from it.
SERVER: Final = "tollhouse"

# `Accept` is not on the list: it chooses between our two forms of an error and is no business of the upstream.
# Neither is `baggage`: it carries names from inside the client's organization.
TO_UPSTREAM: Final = ("User-Agent", "traceparent", "tracestate")

# Without the upstream's request id: the client's reply carries ours, which the upstream was given too.
TO_CLIENT: Final = ("Content-Type", "Retry-After", "Cache-Control", "ETag", "Last-Modified")

_TO_CLIENT: Final = {name.lower(): name for name in TO_CLIENT}

# A request with two of any of these means one thing to us and may mean another to a proxy before us.
SINGLE: Final = (
    "Host",
    "Authorization",
    "x-api-key",
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
    "Idempotency-Key",
)

_SANE_ID = re.compile(r"[!-~]{1,128}")
_SANE_VALUE = re.compile(r"[ -~]{1,1024}")


def request_id(headers: CIMultiDictProxy[str], make: Callable[[], str]) -> str:
    """The client's request id if there is one of 1 to 128 visible ASCII characters, else a new one."""
    given = headers.getall(REQUEST_ID, [])
    return given[0] if len(given) == 1 and _SANE_ID.fullmatch(given[0]) else make()


def upstream_headers(headers: CIMultiDictProxy[str], request_id: str) -> dict[str, str]:
    """What of a client's headers goes upstream with a request, and what we add.

    Credentials, length, content type and encoding are the upstream adapter's.
    """
    sent = {"Accept": "application/json", "User-Agent": f"tollhouse/{__version__}", REQUEST_ID: request_id}
    for name in TO_UPSTREAM:
        values = headers.getall(name, [])
        if len(values) == 1 and _SANE_VALUE.fullmatch(values[0]):
            sent[name] = values[0]
    return sent


def client_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What of an upstream reply's headers goes to the client; of one that is there twice, the first."""
    passed: dict[str, str] = {}
    for given, value in headers.items():
        name = _TO_CLIENT.get(given.lower())
        if name is not None:
            passed.setdefault(name, value)
    return passed
