"""What an entry and a refused submission are as rows, and what entries come to by account."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.core.export import Line
from gateway.core.refused import Refused

_OF_HOLD: Final = ("team", "model", "version", "amount", "test")


def entry_row(line: Line) -> dict[str, Any]:
    """The row of one entry. What the hold says of itself stands in columns of its own where the entry carries it."""
    said = json.loads(line.record) if line.record else {}
    cost = line.facts.get("cost")
    return {
        "epoch": line.place.epoch,
        "seq": line.place.sequence,
        "kind": line.kind,
        "hold": line.place.entry,
        "at": line.at,
        "moves": json.dumps([[account, posted, held] for account, posted, held in shifts(line)]),
        "facts": json.dumps(dict(line.facts)),
        "job": line.facts.get("job") or None,
        "cost": int(cost) if cost else None,
        "record": line.record.decode() if line.record else None,
        "key_id": said.get("key"),
        **{name: said.get(name) for name in _OF_HOLD},
    }


def shifts(line: Line) -> list[tuple[str, int, int]]:
    """Account, posted and held of every move."""
    parts = (move.rsplit(" ", 2) for move in line.moves.splitlines())
    return [(account, int(posted), int(held)) for account, posted, held in parts]


def account_rows(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What these entries add to each account. `admitted_at` is when one admitted something to it last, 0 for never."""
    return _summed((line.at if line.kind == "hold" else 0, shifts(line)) for line in lines)


def account_rows_taken_back(moves: Iterable[str]) -> list[dict[str, Any]]:
    """What rows add to each account that were not to be counted: `moves` are theirs, as they were written."""
    shifted = ([(account, -posted, -held) for account, posted, held in json.loads(text)] for text in moves)
    return _summed((0, shift) for shift in shifted)


def _summed(moved: Iterable[tuple[int, list[tuple[str, int, int]]]]) -> list[dict[str, Any]]:
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
