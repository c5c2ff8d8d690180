"""Entries as rows."""

import json

from gateway.adapters.sql.rows import account_rows_taken_back, rows
from tests.adapters.redis.holds import TEAM
from tests.adapters.sql.lines import AT, line, resume


def test_amounts_keep_every_digit() -> None:
    [row], _ = rows([line(1, amount=9_007_199_254_740_991)])
    assert json.loads(row["moves"]) == [[TEAM.name, 0, 9_007_199_254_740_991]]


def test_an_entry_that_moves_nothing() -> None:
    [row], sums = rows([resume(9, 3, 8)])
    assert (row["hold"], row["moves"], json.loads(row["facts"])) == ("", "[]", {"lost_from": "3", "lost_to": "8"})
    assert sums == []


def test_what_entries_come_to_and_how_it_is_taken_back() -> None:
    entries, sums = rows([line(1), line(2, "captured", "h1", amount=60), line(3)])
    assert sums == [{"account": TEAM.name, "posted": 60, "held": 140, "admitted_at": AT + 3}]
    back = account_rows_taken_back(row["moves"] for row in entries)
    assert back == [{"account": TEAM.name, "posted": -60, "held": -140, "admitted_at": 0}]
    assert account_rows_taken_back([]) == []
