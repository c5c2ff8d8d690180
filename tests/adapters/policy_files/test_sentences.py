"""What values must be, and how a mistake is told: at which key, in which words."""

import tomllib
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from gateway.adapters.policy_files.sentences import (
    Broken,
    Table,
    is_money,
    listed_twice,
    must,
    one_of,
    quoted,
    read_table,
    text,
    whole,
)
from gateway.core.complaint import Complaint
from gateway.core.money import format_usd


class Room(Table):
    beds: Annotated[int, must("must be 1 to 4", whole(1, 4))]
    opens_at: int = Field(9, alias="from")


class House(Table):
    colour: Annotated[str, one_of(["red", "blue"])] = "red"
    room: list[Room] = Field(default=[])
    cellar: Room | None = None
    guests: dict[str, Room] = Field(default={})


def told(toml: str, *broken: Broken) -> list[str]:
    """What is wrong with a house, as `key: sentence`."""
    found = read_table("house.toml", tomllib.loads(toml), House, broken)
    assert isinstance(found, tuple)
    assert {complaint.file for complaint in found} == {"house.toml"}
    return [f"{complaint.key}: {complaint.message}" for complaint in found]


# --- Single values ---


@pytest.mark.parametrize("value", ["b", "ab1", "1a", "é1", "a1\n", "", 1, None, ["a1"]])
def test_a_text_matches_as_a_whole_in_ascii_or_not_at_all(value: object) -> None:
    accepts = text(r"\w\d")

    assert accepts("a1")
    assert not accepts(value)


@given(st.integers(), st.integers(), st.integers())
def test_a_whole_number_is_accepted_within_its_bounds(least: int, most: int, value: int) -> None:
    assert whole(least, most)(value) == (least <= value <= most)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_nothing_else_is_a_whole_number(value: object) -> None:
    assert not whole(-10, 10)(value)


@given(st.integers(0, 2**53 - 1))
def test_money_is_a_string_as_we_write_it(amount: int) -> None:
    assert is_money(format_usd(amount))
    assert not is_money(f"{format_usd(amount)}0")
    assert not is_money(amount)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_key_is_told_as_toml_writes_it(key: str) -> None:
    assert tomllib.loads(f"{quoted(key)} = 1") == {key: 1}


def test_an_entry_that_stands_in_an_array_before_is_told_by_its_own_index() -> None:
    again = [("at[1]", "is listed already"), ("at[3]", "is listed already")]

    assert list(listed_twice("at", ["a", "a", "b", "a"])) == again
    assert list(listed_twice("at", "aa")) == []


# --- Documents ---


def test_a_sound_document_is_read() -> None:
    document = tomllib.loads("room = [{ beds = 2, from = 8 }]")

    assert read_table("house.toml", document, House, ()) == House(room=[Room.model_validate({"beds": 2, "from": 8})])


def test_values_and_rules_are_complained_of_together() -> None:
    assert told('colour = "green"\nroom = [{ beds = 9 }]', ("room", "has no door")) == [
        'colour: must be "red" or "blue"',
        "room[0].beds: must be 1 to 4",
        "room: has no door",
    ]


def test_a_broken_rule_alone_is_enough_to_refuse() -> None:
    found = read_table("house.toml", {}, House, [("room", "is required somewhere")])

    assert found == (Complaint("house.toml", "room", "is required somewhere"),)


def test_nothing_is_turned_into_another_type() -> None:
    assert told('room = [{ beds = "2" }]\ncellar = { beds = true }\nguests = []') == [
        "room[0].beds: must be 1 to 4",
        "cellar.beds: must be 1 to 4",
        "guests: must be a table",
    ]


def test_a_value_without_a_sentence_of_its_own_is_of_its_type_all_the_same() -> None:
    (only,) = told('cellar = { beds = 1, from = "8" }')

    assert only.startswith("cellar.from: ")


def test_a_key_that_toml_quotes_is_told_in_quotes() -> None:
    assert told('guests = { "Ms. May" = {} }') == ['guests."Ms. May".beds: is required']


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('color = "red"', "color: is not a key that is known here: did you mean colour?"),
        ("room = [{ beds = 1, form = 8 }]", "room[0].form: is not a key that is known here: did you mean from?"),
        ("room = [{ beds = 1, opens_at = 8 }]", "room[0].opens_at: is not a key that is known here"),
        ("cellar = { beds = 1, bed = 1 }", "cellar.bed: is not a key that is known here: did you mean beds?"),
        ("room = [{ beds = 1, colours = 1 }]", "room[0].colours: is not a key that is known here"),
        ("garden = 1", "garden: is not a key that is known here"),
    ],
)
def test_for_an_unknown_key_the_nearest_of_the_same_table_is_offered(toml: str, sentence: str) -> None:
    assert told(toml) == [sentence]
