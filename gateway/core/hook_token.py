"""The address that the upstream calls when a job ends: ours, with a token in it that names the job's hold.

The rule of this file: a token cannot be guessed, and proves itself. It is the hold's id with an HMAC under a key that
derives from a pepper and is never stored, so nothing is looked up, and no body read, for a token that we did not make.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.core.current import Current
from gateway.core.key_secret import Peppers
from gateway.core.value import value

PATH: Final = "/tollhouse/v1/hooks/"
_LONGEST: Final = 500
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_PURPOSE: Final = b"tollhouse: the tokens of hooks"
_TOKEN = re.compile(
    r"(?P<pepper>[1-9][0-9]{0,5})-(?P<kind>live|test)-(?P<hold>[0-9a-f]{32})-(?P<mac>[0-9a-f]{64})", re.ASCII
)
_HOLD: Final = "hold_"


def public_url_fault(url: str) -> str | None:
    """What is wrong with an address as the place where the upstream reaches us, to be read behind its name."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    plain = all("!" <= char <= "~" for char in url) and len(url) <= _LONGEST and not (parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not host or not plain or "@" in parts.netloc or "?" in url:
        return 'must be a plain URL such as "https://tollhouse.example.com"'
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "must begin with https://: the provider calls nothing else"
    return None


@value
class Named:
    """The hold that a genuine token names; `test`: its job runs in the built-in sandbox."""

    hold: str
    test: bool


@dataclass(frozen=True, slots=True)
class Relay:
    """Our addresses for the upstream to call, below `public_url`, where it reaches our data plane."""

    public_url: str
    peppers: Current[Peppers]

    def address(self, hold: str, *, test: bool) -> str:
        """Where to tell the end of this hold's job."""
        return self.public_url.rstrip("/") + PATH + token(Named(hold, test), self.peppers.value)


def token(named: Named, peppers: Peppers) -> str:
    """The token of a hold, under the current pepper."""
    version = peppers.current
    said = f"{version}-{'test' if named.test else 'live'}-{named.hold.removeprefix(_HOLD)}"
    return f"{said}-{_mac(said, peppers.versions[version])}"


def read_token(text: str, peppers: Peppers) -> Named | None:
    """What a token names; None for one that we did not make, or whose pepper is gone."""
    matched = _TOKEN.fullmatch(text)
    pepper = None if matched is None else peppers.versions.get(int(matched["pepper"]))
    if matched is None or pepper is None:
        return None
    said = text.rpartition("-")[0]
    if not hmac.compare_digest(_mac(said, pepper), matched["mac"]):
        return None
    return Named(_HOLD + matched["hold"], matched["kind"] == "test")


def _mac(said: str, pepper: bytes) -> str:
    return hmac.digest(hmac.digest(pepper, _PURPOSE, "sha256"), said.encode(), "sha256").hex()
