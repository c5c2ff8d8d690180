"""A request as the handlers see it, whichever way it was read."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from multidict import CIMultiDictProxy

from gateway.core.value import value
from gateway.web.problem import GatewayError, render
from gateway.web.told import Told


class Head(Protocol):
    """What of a request decides who sent it: its headers, and the address of its peer as text."""

    @property
    def headers(self) -> CIMultiDictProxy[str]: ...

    @property
    def remote(self) -> str | None: ...


@value
class Call:
    """A request whose head was accepted by the edge. `length` is its body's, where it was given."""

    headers: CIMultiDictProxy[str]
    remote: str | None
    request_id: str
    length: int | None = None

    def refused(self, error: GatewayError) -> Told:
        """The answer for an error, in the form that the request asks for."""
        return render(error, self.request_id, accepted(self.headers))


def accepted(headers: CIMultiDictProxy[str]) -> str:
    """A request's `Accept`, all of them as one; empty when there is none."""
    return ",".join(headers.getall("Accept", ()))


# Reads the whole body, or says why not.
ReadBody: TypeAlias = Callable[[], Awaitable[bytes | GatewayError]]
