"""What the hold and the move script say, read: of each hold that was asked about what became of it.

The rule of this file: what the store acknowledged is remembered as it is read, because it is a witness later.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway.adapters.redis import codec
from gateway.adapters.redis.calls import Own, Terms
from gateway.core.account import Balance
from gateway.core.admission import (
    AdmissionReply,
    Closed,
    Created,
    Exists,
    ModelClosed,
    OverLimit,
    OverRate,
    Skewed,
    Stale,
)
from gateway.core.history import Memory
from gateway.core.ledger import TRANSITIONS, Moved, Outcome, State
from gateway.ports import StoreRefused, StoreUnavailable

_CREATED: Final = b"created"
# The sequence of no entry: the very same attempt created the hold earlier.
_NO_ENTRY: Final = 0
# Where in a move's row stands what it did to the balances.
_DONE: Final = 4
_OUTCOMES: Final = {outcome.encode(): outcome for outcome in Outcome}
_STATES: Final = {state.encode(): state for state in State}

# What these come to is in an entry of its own; a contradiction, only when it is heard first.
_ALWAYS_WRITTEN: Final = {step.outcome for row in TRANSITIONS.values() for step in row.values() if step.becomes}


def read_admissions(
    memory: Memory, terms: Terms, asked: Sequence[Own], epoch: str, reply: list[Any]
) -> list[AdmissionReply | Exception]:
    """The balances in the reply are those after all of them: who was created earlier is told those before the later."""
    after, rows = codec.decode_balances(reply[0]), reply[1:]
    later = sum(row[0] == _CREATED and row[1] != _NO_ENTRY for row in rows)
    found: list[AdmissionReply | Exception] = []
    for own, row in zip(asked, rows, strict=True):
        if row[0] == _CREATED and row[1] != _NO_ENTRY:
            later -= 1
            memory.wrote(epoch, row[1], own.hold)
            found.append(
                Created(_before(after, [(0, later * one.amount) for one in terms.demands]) if later else after)
            )
        else:
            found.append(_read_admission(memory, terms, own, epoch, after, row))
    return found


def _before(after: tuple[Balance, ...], added: Sequence[Sequence[int]]) -> tuple[Balance, ...]:
    """The balances before so much was added to what is posted and held."""
    pairs = zip(after, added, strict=True)
    return tuple([Balance(balance.posted - posted, balance.held - held) for balance, (posted, held) in pairs])


def _read_admission(
    memory: Memory, terms: Terms, own: Own, epoch: str, after: tuple[Balance, ...], row: list[Any]
) -> AdmissionReply | Exception:
    match row[0]:
        case b"created":
            return Created(after)
        case b"over_limit":
            # Those after it ask for the same, and had no room either.
            memory.heard(epoch, row[1])
            return OverLimit(after, row[1])
        case b"over_rate":
            return OverRate(terms.rates[row[1]], row[2], row[3])
        case b"exists":
            return Exists(row[1].decode(), row[2] == b"1")
        case b"model_closed":
            return ModelClosed()
        case b"stale":
            return Stale()
        case b"skewed":
            return Skewed(row[1])
        case b"closed":
            return Closed(row[1].decode())
        case _:
            return StoreUnavailable(f"the hold script answered {row!r} for {own.hold}")


def read_moves(
    memory: Memory, _terms: Terms, asked: Sequence[Own], epoch: str, reply: list[Any]
) -> list[Moved | Exception]:
    """The balances in the reply are those after all of them; each is told those before the later ones."""
    balances, found = codec.decode_balances(reply[0]), list[Moved | Exception]()
    for place in range(len(asked), 0, -1):
        row = reply[place]
        found.append(_read_move(memory, asked[place - 1], epoch, balances, row))
        if place > 1 and len(row) > _DONE:
            shifted = row[_DONE]
            balances = _before(balances, list(zip(shifted[::2], shifted[1::2], strict=True)))
    found.reverse()
    return found


def _read_move(memory: Memory, own: Own, epoch: str, after: tuple[Balance, ...], row: list[Any]) -> Moved | Exception:
    match row[0]:
        case b"closed":
            return StoreRefused(f"the store moves nothing: {row[1].decode()}")
        case b"failed":
            return StoreUnavailable(f"the move script failed for {own.hold}: {row[1].decode()}")
        case came_to:
            outcome, sequence = _OUTCOMES[came_to], row[2]
    if outcome in _ALWAYS_WRITTEN:
        memory.wrote(epoch, sequence, own.hold)
    else:
        memory.heard(epoch, sequence)
    return Moved(outcome, _STATES[row[1]], after, row[3] == 1)
