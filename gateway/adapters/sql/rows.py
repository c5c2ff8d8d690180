"""What an entry and a refused submission are as rows, and what entries come to by account."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from gateway.core.export import Line
from gateway.core.refused import Refused

Shifts: TypeAlias = list[tuple[str, int, int]]

_OF_HOLD: Final = ("team", "model", "version", "amount", "test")
_UNKNOWN: Final = dict.fromkeys(("key_id", *_OF_HOLD))
_quoted: Final = json.encoder.encode_basestring_ascii


def rows(lines: Sequence[Line]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The row of each entry, and what these entries add to each account.

    `admitted_at` of an account is when one admitted something to it last, 0 for never.
    """
    moved = [shifts(line) for line in lines]
    entries = [_entry_row(line, moves) for line, moves in zip(lines, moved, strict=True)]
    admitted = (line.at if line.kind == "hold" else 0 for line in lines)
    return entries, _summed(zip(admitted, moved, strict=True))


def shifts(line: Line) -> Shifts:
    """Account, posted and held of every move."""
    parts = (move.rsplit(" ", 2) for move in line.moves.splitlines())
    return [(account, int(posted), int(held)) for account, posted, held in parts]


def _entry_row(line: Line, moves: Shifts) -> dict[str, Any]:
    """What the hold says of itself stands in columns of its own where the entry carries it."""
    place, facts, record = line.place, line.facts, line.record
    cost = facts.get("cost")
    return {
        "epoch": place.epoch,
        "seq": place.sequence,
        "kind": line.kind,
        "hold": place.entry,
        "at": line.at,
        "moves": f"[{', '.join([f'[{_quoted(name)}, {posted}, {held}]' for name, posted, held in moves])}]",
        "facts": json.dumps(dict(facts)) if facts else "{}",
        "job": facts.get("job") or None,
        "cost": int(cost) if cost else None,
        "record": record.decode() if record else None,
        **(_of_hold(record) if record else _UNKNOWN),
    }


def _of_hold(record: bytes) -> dict[str, Any]:
    said = json.loads(record)
    return {"key_id": said.get("key"), **{name: said.get(name) for name in _OF_HOLD}}


def account_rows_taken_back(moves: Iterable[str]) -> list[dict[str, Any]]:
    """What rows add to each account that were not to be counted: `moves` are theirs, as they were written."""
    shifted = ([(account, -posted, -held) for account, posted, held in json.loads(text)] for text in moves)
    return _summed((0, shift) for shift in shifted)


def _summed(moved: Iterable[tuple[int, Shifts]]) -> list[dict[str, Any]]:
    """In the order of their names, so that two who write never wait for each other in a circle."""
    sums: dict[str, list[int]] = {}
    for admitted, moves in moved:
        for account, posted, held in moves:
            total = sums.setdefault(account, [0, 0, 0])
            total[0] += posted
            total[1] += held
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
    }
