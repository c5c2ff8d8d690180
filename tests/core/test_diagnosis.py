"""What needs somebody, and what is so: a sentence each, and a next step for what is not well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.diagnosis import Diagnosis, Figures, StoreFigures, ailments, state
from gateway.core.finding import Finding
from gateway.core.history import Peer, Sighting
from gateway.core.remains import Damage

SEEN = Sighting(datetime(2026, 11, 23, 12, tzinfo=UTC), "3f9a.1", "acme", 1240, 1, None, None, ())
STORE = StoreFigures(
    keys=3,
    holds={"held": 2, "in_doubt": 0, "captured": 1},
    oldest_due=timedelta(seconds=4),
    skew=timedelta(milliseconds=2),
    sighting=SEEN,
)
WELL = Figures(STORE, 0, 0.0, (), "v1", None, 0)


def test_all_is_well() -> None:
    assert list(ailments(WELL)) == []
    assert Diagnosis((), tuple(state(WELL))).well
    assert not Diagnosis((Finding("clock", "It is late.", "Wind it."),), ()).well


@pytest.mark.parametrize(
    ("wrong", "check", "words"),
    [
        ({"unacknowledged": 1}, "moves", "1 move of holds"),
        ({"unacknowledged": 12}, "moves", "12 moves of holds"),
        ({"spool_fill": 1.0}, "spool", "full"),
        ({"damage": (Damage("a.jsonl", torn=True, lines=2),)}, "spool", "a.jsonl had 2 damaged lines"),
        ({"policy": None}, "policies", "No policies are live"),
        ({"kept_out": "v2", "mistakes": 1}, "policies", "v2 has 1 mistake and is kept out; v1 decides"),
        ({"kept_out": "v2", "mistakes": 3, "policy": None}, "policies", "3 mistakes and is kept out; no version"),
        ({"closed": ("acme/clip",)}, "prices", 'The price of "acme/clip" is closed'),
    ],
)
def test_one_thing_wrong_with_the_gateway(wrong: dict[str, Any], check: str, words: str) -> None:
    [finding] = ailments(replace(WELL, **wrong))
    assert finding.check == check
    assert words in finding.sentence
    assert finding.sentence.endswith(".")
    assert finding.step.endswith(".")


@pytest.mark.parametrize(
    ("wrong", "check", "words"),
    [
        ({"keys": 0}, "keys", "no keys"),
        ({"holds": {"in_doubt": 1}}, "holds", "1 hold is in doubt."),
        ({"holds": {"in_doubt": 2}, "oldest_due": timedelta(minutes=7)}, "holds", "2 holds are in doubt; the oldest "),
        ({"oldest_due": timedelta(minutes=7)}, "holds", "has been due for 7 min."),
        ({"oldest_due": timedelta(days=1)}, "holds", "has been due for 24 h."),
    ],
)
def test_one_thing_wrong_with_the_store(wrong: dict[str, Any], check: str, words: str) -> None:
    [finding] = ailments(replace(WELL, store=replace(STORE, **wrong)))
    assert finding.check == check
    assert words in finding.sentence


def test_what_is_nothing_to_worry_about() -> None:
    almost = replace(STORE, oldest_due=timedelta(minutes=1))
    torn = (Damage("a.jsonl", torn=True, lines=0),)
    assert list(ailments(replace(WELL, store=almost, spool_fill=0.99, damage=torn))) == []


def test_of_a_store_that_does_not_say_nothing_is_said() -> None:
    silent = replace(WELL, store=None)
    assert list(ailments(silent)) == []
    assert [line for line in state(silent) if "store serves" in line or "under way" in line] == []


def test_the_state_in_sentences() -> None:
    peers = (Peer("one", timedelta(seconds=1), 9, ""), Peer("two", timedelta(minutes=1), 9, ""))
    figures = replace(WELL, store=replace(STORE, sighting=replace(SEEN, peers=peers)), spool_fill=0.25)
    assert list(state(figures)) == [
        'The store serves "acme" in epoch 3f9a.1, at entry 1240; our clock is +0.002 s off its.',
        "1 gateway has been heard of within ten seconds.",
        "2 holds under way, 0 in doubt, 1 job running.",
        "The SQL ledger has every entry.",
        "0 moves wait for the store's answer; the spool is 25% full of what it has not acknowledged.",
        "Policy version v1 decides.",
    ]


def test_how_far_sql_is_behind() -> None:
    behind = replace(WELL, store=replace(STORE, lag=timedelta(seconds=2.5)))
    assert "The oldest entry that the SQL ledger lacks has waited for 2.5 s." in list(state(behind))
    [finding] = ailments(replace(WELL, export="the database does not answer"))
    assert (finding.check, finding.sentence) == (
        "export",
        "Nothing is exported to the SQL ledger: the database does not answer",
    )


@pytest.mark.parametrize(("count", "words"), [(1, "1 key expires"), (7, "7 keys expire")])
def test_keys_that_are_about_to_expire_are_told_of_and_no_illness(count: int, words: str) -> None:
    figures = replace(WELL, store=replace(STORE, keys_expiring=count))
    assert list(ailments(figures)) == []
    assert f"{words} within 14 days. Run: tollhouse key list --expiring 14d." in state(figures)
    assert not any("expire" in sentence for sentence in state(WELL))
