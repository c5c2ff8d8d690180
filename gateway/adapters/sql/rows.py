"""What an entry and a refused submission are as rows, and what entries come to by account."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias

from gateway.adapters.sql.schema import ENTRIES
from gateway.core.entry import Entry, Move
from gateway.core.export import Line
from gateway.core.refused import Refused

Shifts: TypeAlias = tuple[tuple[str, int, int], ...]
Row: TypeAlias = tuple[Any, ...]

# What a row of an entry says, in this order; `lost_in` is for later.
ENTRY_FIELDS: Final = tuple(column.name for column in ENTRIES.columns if column.name != "lost_in")

_OF_HOLD: Final = ("team", "key", "model", "version", "amount", "test")
_UNKNOWN: Final = (None,) * len(_OF_HOLD)
_quoted: Final = json.encoder.encode_basestring_ascii


def rows(lines: Sequence[Line]) -> tuple[list[Row], list[dict[str, Any]]]:
    """The row of each entry, and what these entries add to each account.

    `admitted_at` of an account is when one admitted something to it last, 0 for never.
    """
    times, admitted = Counter[str](), dict[str, int]()
    for line in lines:
        times[line.moves] += 1
        if line.kind == "hold":
            admitted[line.moves] = max(line.at, admitted.get(line.moves, 0))
    met = ((count, admitted.get(moves, 0), _shifts(moves)[0]) for moves, count in times.items())
    return list(map(_entry_row, lines)), _summed(met)


@lru_cache(maxsize=1024)
def _shifts(moves: str) -> tuple[Shifts, str]:
    """Account, posted and held of every move, and the same as JSON.

    Jobs of one kind move the same amounts on the same accounts, and come in crowds.
    """
    parts = (move.rsplit(" ", 2) for move in moves.splitlines())
    shifts = tuple([(account, int(posted), int(held)) for account, posted, held in parts])
    written = [f"[{_quoted(account)}, {posted}, {held}]" for account, posted, held in shifts]
    return shifts, f"[{', '.join(written)}]"


def _entry_row(line: Line) -> Row:
    """What the hold says of itself stands in columns of its own where the entry carries it."""
    place, facts, record = line.place, line.facts, line.record
    cost = facts.get("cost")
    return (
        place.epoch,
        place.sequence,
        line.kind,
        place.entry,
        line.at,
        _shifts(line.moves)[1],
        json.dumps(dict(facts)) if facts else "{}",
        facts.get("job") or None,
        int(cost) if cost else None,
        *((record.decode(), *map(json.loads(record).get, _OF_HOLD)) if record else (None, *_UNKNOWN)),
    )


def entry_of(row: Any) -> Entry:
    """The entry that a row was made from."""
    moves = tuple(Move(account, posted, held) for account, posted, held in json.loads(row.moves))
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.at)
    return Entry(row.seq, row.kind, row.hold, at, moves, json.loads(row.facts))


def account_rows_taken_back(moves: Iterable[str]) -> list[dict[str, Any]]:
    """What rows add to each account that were not to be counted: `moves` are theirs, as they were written."""
    shifted = ([(account, -posted, -held) for account, posted, held in json.loads(text)] for text in moves)
    return _summed((1, 0, tuple(shift)) for shift in shifted)


def _summed(moved: Iterable[tuple[int, int, Shifts]]) -> list[dict[str, Any]]:
    """Of moves, how often they were made, when something was admitted by them last, and where they went.

    In the order of the accounts' names, so that two who write never wait for each other in a circle.
    """
    sums: dict[str, list[int]] = {}
    for times, admitted, moves in moved:
        for account, posted, held in moves:
            total = sums.setdefault(account, [0, 0, 0])
            total[0] += times * posted
            total[1] += times * held
            total[2] = max(total[2], admitted)
    return [
        {"account": account, "posted": posted, "held": held, "admitted_at": admitted}
        for account, (posted, held, admitted) in sorted(sums.items())
    ]


def refused_row(refused: Refused) -> Mapping[str, Any]:
    return {
        "id": refused.id,
        "at": refused.at,
        "request_id": refused.request_id,
        "organization": refused.organization,
        "team": refused.team,
        "key_id": refused.key,
        "test": refused.test,
        "model": refused.model,
        "version": refused.version,
        "amount": refused.amount,
        "outcome": refused.outcome,
        "code": refused.code,
        "limit_name": refused.limit,
        "limit_scope": refused.scope,
        "policy": refused.policy,
        "rate_card": refused.rate_card,
        "inputs": json.dumps(dict(refused.inputs)),
        "after": refused.after,
    }
