"""What a submission can come to. Every case is a value, matched exhaustively where it is rendered and counted."""

from dataclasses import dataclass
from typing import TypeAlias

from gateway.core.money import MicroUsd


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the upstream as it goes to the client: status, content type, bytes."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """2xx with a job id. `cost` is None when the reply names none that can be read (micro-USD otherwise)."""

    job_id: str
    cost: MicroUsd | None
    reply: Reply


@dataclass(frozen=True, slots=True)
class Rejected:
    """A documented refusal, in the documented body: no job was made."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the submit left: name, connect or TLS failure, or the deadline passed before the first byte."""

    cause: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes may have left and no answer settles it. A `reply` is passed on (5xx); without one the client gets 504.

    `surprising` marks what a sound upstream never does (3xx, a 4xx without the envelope, an id bound already).
    """

    cause: str
    reply: Reply | None = None
    surprising: bool = False


UpstreamResult: TypeAlias = Accepted | Rejected | NotSent | Unknown
