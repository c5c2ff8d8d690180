"""Entries as rows."""

import json
from typing import Any

from gateway.adapters.sql.rows import ENTRY_FIELDS, Row, account_rows_taken_back, rows
from gateway.core.export import Line
from gateway.core.hold_record import encode_hold
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.adapters.sql.lines import AT, line, resume


def named(row: Row) -> dict[str, Any]:
    return dict(zip(ENTRY_FIELDS, row, strict=True))


def test_amounts_keep_every_digit() -> None:
    [row], _ = rows([line(1, amount=9_007_199_254_740_991)])
    assert json.loads(named(row)["moves"]) == [[TEAM.name, 0, 9_007_199_254_740_991]]


def test_an_entry_that_moves_nothing() -> None:
    [row], sums = rows([resume(9, 3, 8)])
    found = named(row)
    assert (found["hold"], found["moves"], json.loads(found["facts"])) == ("", "[]", {"lost_from": "3", "lost_to": "8"})
    assert sums == []


def test_a_hold_says_of_itself_what_it_is_and_a_capture_what_it_cost() -> None:
    hold = admission("h1", demand(TEAM, 100, 10**9)).hold
    facts = {"job": "j1", "cost": "77"}
    captured = Line(line(2, "captured", "h1").place, "captured", AT, f"{TEAM.name} 77 -100", facts, None)
    [first, second], _ = rows([line(1), captured])
    told, cost = named(first), named(second)
    assert told["record"] == encode_hold(hold).decode()
    assert [told[name] for name in ("team", "key_id", "model", "version", "amount", "test")] == [
        hold.team, hold.key, hold.model, hold.version, hold.amount, hold.test
    ]  # fmt: skip
    assert (cost["job"], cost["cost"], json.loads(cost["facts"])) == ("j1", 77, facts)
    assert (cost["record"], cost["team"], told["job"], told["cost"]) == (None, None, None, None)


def test_what_entries_come_to_and_how_it_is_taken_back() -> None:
    entries, sums = rows([line(1), line(2, "captured", "h1", amount=60), line(3)])
    assert sums == [{"account": TEAM.name, "posted": 60, "held": 140, "admitted_at": AT + 3}]
    back = account_rows_taken_back(named(row)["moves"] for row in entries)
    assert back == [{"account": TEAM.name, "posted": -60, "held": -140, "admitted_at": 0}]
    assert account_rows_taken_back([]) == []
