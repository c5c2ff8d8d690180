"""How values look in the store: times as microseconds, charges, moves and kept replies as lines of text."""

from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.core.account import Balance
from gateway.core.ledger import Charge, Move
from gateway.core.reply import Reply

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def duration(lasts: timedelta) -> int:
    """A length of time in microseconds."""
    return lasts // _MICROSECOND


def ends(ends_at: datetime | None) -> int:
    """A window's end for an account record: 0 where it never ends."""
    return 0 if ends_at is None else micros(ends_at)


def encode_charges(charges: tuple[Charge, ...]) -> str:
    """The text by which a move proves that it names the charges the hold was admitted with."""
    return "\n".join(f"{charge.account} {charge.amount}" for charge in charges)


def decode_balances(numbers: list[bytes]) -> tuple[Balance, ...]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple([Balance(int(posted), int(held)) for posted, held in pairs])


def decode_moves(text: str) -> tuple[Move, ...]:
    """Read the `moves` field of an entry: one line of account, posted and held for every shift."""
    lines = (line.rsplit(" ", 2) for line in text.splitlines())
    return tuple(Move(account, int(posted), int(held)) for account, posted, held in lines)


def encode_reply(reply: Reply) -> bytes:
    """A kept reply: its status and type in a line each, then its body as it came."""
    return b"%d\n%b\n%b" % (reply.status, reply.headers.get("Content-Type", "").encode(), reply.body)


def decode_reply(kept: bytes) -> Reply:
    status, content_type, body = kept.split(b"\n", 2)
    return Reply(int(status), {"Content-Type": content_type.decode()} if content_type else {}, body)
