"""Entries as rows."""

import json

from gateway.adapters.sql.rows import account_rows, account_rows_taken_back, entry_row
from tests.adapters.redis.holds import TEAM
from tests.adapters.sql.lines import AT, line, resume


def test_amounts_keep_every_digit() -> None:
    large = line(1, amount=9_007_199_254_740_991)
    assert json.loads(entry_row(large)["moves"]) == [[TEAM.name, 0, 9_007_199_254_740_991]]


def test_an_entry_that_moves_nothing() -> None:
    row = entry_row(resume(9, 3, 8))
    assert (row["hold"], row["moves"], json.loads(row["facts"])) == ("", "[]", {"lost_from": "3", "lost_to": "8"})


def test_what_entries_come_to_and_how_it_is_taken_back() -> None:
    lines = [line(1), line(2, "captured", "h1", amount=60), line(3)]
    assert account_rows(lines) == [{"account": TEAM.name, "posted": 60, "held": 140, "admitted_at": AT + 3}]
    moves = [entry_row(one)["moves"] for one in lines]
    assert account_rows_taken_back(moves) == [{"account": TEAM.name, "posted": -60, "held": -140, "admitted_at": 0}]
    assert account_rows([resume(1, 1, 1)]) == []
