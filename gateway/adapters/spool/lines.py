"""The lines of a spool file: eight hexadecimal digits of CRC-32C, a space, and JSON.

Every line is whole by itself. One that does not read is worth nothing, and says nothing about its neighbours.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

import google_crc32c

from gateway.core.acceptance import Acceptance, Witness
from gateway.core.hold_record import decode_hold, encode_hold
from gateway.core.timestamp import timestamp

_VERSION: Final = 1
_DIGITS: Final = 8
# Made once: making one costs more than what it then does.
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
_quoted: Final = json.encoder.encode_basestring_ascii


@dataclass(frozen=True, slots=True)
class Opened:
    """The first line of a file: whose it is, and which file it was written to, so that a copy does not pass for it.

    `machine` is the boot of the machine, None where that cannot be told; `kept` are the numbers of the earlier files
    of this boot that were still needed.
    """

    boot: str
    number: int
    machine: str | None
    file: str
    opened_at: datetime
    witness: Witness | None
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A byte of this hold may leave from now on."""

    hold_id: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The store has acknowledged what became of every hold that these boots named so far, except `unsettled`."""

    boots: tuple[str, ...]
    unsettled: tuple[str, ...]


class Flaw(StrEnum):
    """What is no line: a torn end, or anything else that was damaged."""

    TORN = "torn"
    DAMAGED = "damaged"


Line: TypeAlias = Opened | Sent | Settled | Acceptance


def encode_opened(line: Opened) -> bytes:
    return _sealed(
        _json(
            kind="opened",
            version=_VERSION,
            boot=line.boot,
            number=line.number,
            machine=line.machine,
            file=line.file,
            opened_at=line.opened_at.isoformat(),
            kept=line.kept,
            **_witnessed(line.witness),
        )
    )


def encode_sent(hold_id: str) -> bytes:
    return _sealed(b'{"kind":"sent","hold":%b}' % _quoted(hold_id).encode())


def encode_settled(line: Settled) -> bytes:
    return _sealed(_json(kind="settled", boots=line.boots, unsettled=line.unsettled))


def encode_accepted(acceptance: Acceptance) -> bytes:
    """Put together by hand, around the hold as it is: every submit waits for it, and an encoder takes twice as long."""
    seen = acceptance.witness
    epoch, entry = (_quoted(seen.epoch), _quoted(seen.entry)) if seen else ("null", "null")
    fields = (
        f'"kind":"accepted","version":{_VERSION},'
        f'"epoch":{epoch},"sequence":{seen.sequence if seen else "null"},"entry":{entry},'
        f'"job":{_quoted(acceptance.job)},"cost":{acceptance.cost},'
        f'"facts":{_ENCODE(dict(acceptance.facts)) if acceptance.facts else "{}"},'
        f'"answered_at":"{timestamp(acceptance.answered_at)}"'
    )
    return _sealed(b'{%b,"hold":%b}' % (fields.encode(), acceptance.record))


def _witnessed(witness: Witness | None) -> dict[str, str | int | None]:
    if witness is None:
        return {"epoch": None, "sequence": None, "entry": None}
    return {"epoch": witness.epoch, "sequence": witness.sequence, "entry": witness.entry}


def _json(**fields: object) -> bytes:
    return _ENCODE(fields).encode()


def _sealed(text: bytes) -> bytes:
    return b"%08x %s\n" % (google_crc32c.value(text), text)


def decode(data: bytes) -> Iterator[Line | Flaw]:
    """All lines of a file in order, and in place of each that does not read, its flaw. Never raises."""
    *whole, end = data.split(b"\n")
    for text in whole:
        yield _decode(text) or Flaw.DAMAGED
    if end:
        yield _decode(end) or _flaw_of(end)


def _flaw_of(end: bytes) -> Flaw:
    """A whole line and one byte more is no torn one: it is a line whose last byte was damaged."""
    return Flaw.TORN if _decode(end[:-1]) is None else Flaw.DAMAGED


def _decode(text: bytes) -> Line | None:
    body = text[_DIGITS + 1 :]
    if text[: _DIGITS + 1] != b"%08x " % google_crc32c.value(body):
        return None
    try:
        return _line(json.loads(body))
    except (ValueError, KeyError, TypeError):
        # Sound, and not ours: a later version wrote it.
        return None


def _line(fields: dict[str, Any]) -> Line | None:
    match fields["kind"], fields.get("version"):
        case "sent", None:
            return Sent(fields["hold"])
        case "accepted", 1:
            return _accepted(fields)
        case "opened", 1:
            return _opened(fields)
        case "settled", None:
            return Settled(tuple(fields["boots"]), tuple(fields["unsettled"]))
        case _:
            return None


def _accepted(fields: dict[str, Any]) -> Acceptance:
    hold = decode_hold(json.dumps(fields["hold"]).encode())
    return Acceptance(
        hold_id=hold.id,
        record=encode_hold(hold),
        job=fields["job"],
        cost=fields["cost"],
        facts=fields["facts"],
        answered_at=datetime.fromisoformat(fields["answered_at"]),
        witness=_witness(fields),
    )


def _opened(fields: dict[str, Any]) -> Opened:
    return Opened(
        boot=fields["boot"],
        number=fields["number"],
        machine=fields["machine"],
        file=fields["file"],
        opened_at=datetime.fromisoformat(fields["opened_at"]),
        witness=_witness(fields),
        kept=tuple(fields["kept"]),
    )


def _witness(fields: dict[str, Any]) -> Witness | None:
    if fields["epoch"] is None:
        return None
    return Witness(fields["epoch"], fields["sequence"], fields["entry"])
