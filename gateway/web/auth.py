"""Who a request comes from: its key and its address.

The rule of this file: nothing of a request but its headers and its peer is looked at, and a text without a secret's
form and checksum costs no look-up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, assert_never

from gateway.core.principal import Address, KeyRefused, Network, Principal, Scope, unmapped
from gateway.ports import StoreUnavailable
from gateway.service.keyring import Keyring, Unrecognised
from gateway.web import errors
from gateway.web.call import Head
from gateway.web.problem import GatewayError
from gateway.web.refusals import key_error

# See `core/word.py`.
_SUBMIT_JOB: Final = Scope.SUBMIT_JOB


@dataclass(frozen=True, slots=True)
class Auth:
    """The data plane's door. `trusted_proxies` are believed when they name the client they speak for."""

    keyring: Keyring
    trusted_proxies: tuple[Network, ...] = ()

    async def principal(self, request: Head, scope: Scope | None) -> Principal | GatewayError:
        """Whose request this is, if its key may be used for what needs `scope` (None: any key may)."""
        secret = presented(request.headers)
        if not isinstance(secret, str):
            return secret
        try:
            admitted = await self.keyring.admit(secret, scope, self.address(request))
        except StoreUnavailable:
            return errors.store_unavailable()
        match admitted:
            case Principal():
                return admitted
            case Unrecognised():
                return errors.key_invalid()
            case KeyRefused():
                return key_error(admitted)
            case _:
                assert_never(admitted)

    async def submitter(self, request: Head) -> Principal | GatewayError:
        """Whose submit this is, by what was last read of the key. A hold has its revision compared.

        Whoever answers before there was a hold must `confirm` the principal first.
        """
        secret = presented(request.headers)
        if isinstance(secret, str):
            known = self.keyring.remembered(secret, _SUBMIT_JOB, self.address(request))
            if known is not None:
                return known
        return await self.principal(request, Scope.SUBMIT_JOB)

    async def confirm(self, request: Head, principal: Principal, now: datetime) -> GatewayError | None:
        """Why a `submitter` may not submit after all: its key may have changed since it was read."""
        try:
            confirmed = await self.keyring.recheck(principal, self.address(request), now)
        except StoreUnavailable:
            return errors.store_unavailable()
        return key_error(confirmed) if isinstance(confirmed, KeyRefused) else None

    def address(self, request: Head) -> Address | None:
        """The client's address; None when it has none that we know (a unix socket, a proxy that names it badly)."""
        if not self.trusted_proxies:
            return _peer_address(request.remote or "")
        forwarded = request.headers.getall("X-Forwarded-For", ())
        return client_address(request.remote, forwarded, self.trusted_proxies)


def presented(headers: Mapping[str, str]) -> str | GatewayError:
    """The secret that a request presents, in either of the two headers; the edge saw to it that there is only one."""
    if "x-api-key" in headers:
        return headers["x-api-key"].strip()
    if "Authorization" not in headers:
        return errors.key_missing()
    scheme, _, secret = headers["Authorization"].strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else errors.key_invalid()


def client_address(peer: str | None, forwarded: Iterable[str], trusted: Sequence[Network]) -> Address | None:
    """The peer; behind trusted proxies the right-most address of `X-Forwarded-For` that is not one of them.

    Whatever stands left of that address was written by the client, and may be anything. An entry that is no address
    hides who wrote it, so then there is none.
    """
    hops = [hop for line in forwarded for hop in line.split(",")]
    address = _peer_address(peer or "")
    while hops and address is not None and any(address in network for network in trusted):
        address = _address(hops.pop())
    return address


def _address(text: str) -> Address | None:
    """Reads `192.0.2.1`, `2001:db8::1`, and both as some proxies write them: with a port, IPv6 in brackets."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return unmapped(ip_address(host))
    except ValueError:
        return None


# A peer asks again and again, and its address is read twice for every request.
_peer_address = lru_cache(maxsize=4096)(_address)
