"""The single values of a price file, at the edges of what they may be."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.adapters.policy_files.price_tables import BOUNDS, CardTable, FactorTable, MetersTable, ModelTable
from gateway.adapters.policy_files.sentences import Table

START = datetime(2026, 2, 18, tzinfo=UTC)
FACTOR = {"field": "duration", "multipliers": {"5": "5"}}
MODEL = {"slug": "maker/film", "base": 1, "unit": "second"}

SOUND: dict[type[Table], dict[str, object]] = {
    FactorTable: dict(FACTOR),
    MetersTable: {},
    ModelTable: dict(MODEL),
    CardTable: {"schema": 1, "effective_from": START, "rounding": "up", "model": [MODEL]},
}


def accepts(table: type[Table], key: str, value: object) -> bool:
    """Whether a table that is sound otherwise may hold `value` at `key`."""
    try:
        table.model_validate({**SOUND[table], key: value})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("table", SOUND)
def test_a_table_with_what_it_needs_is_sound_and_knows_no_other_key(table: type[Table]) -> None:
    table.model_validate(SOUND[table])

    assert not accepts(table, "source", "media")


@pytest.mark.parametrize(
    ("table", "key", "last", "beyond"),
    [
        (FactorTable, "field", "f" * 64, "f" * 65),
        (FactorTable, "field", "has_sound-2", "2nd_sound"),
        (FactorTable, "multipliers", {"o" * 64: "1"}, {"o" * 65: "1"}),
        (FactorTable, "multipliers", {"16:9 wide": "1"}, {" 16:9": "1"}),
        (FactorTable, "multipliers", {"5": "999999.999999"}, {"5": "1000000"}),
        (FactorTable, "multipliers", {"5": "0.000001"}, {"5": "0.0000001"}),
        (FactorTable, "multipliers", {"5": "0"}, {}),
        (FactorTable, "default", 2**53 - 1, 2**53),
        (FactorTable, "default", 1 - 2**53, -(2**53)),
        (FactorTable, "from", "media", "request"),
        (MetersTable, "seconds", 1000, 1001),
        (MetersTable, "images", 1, 0),
        (ModelTable, "slug", "~" * 200, "~" * 201),
        (ModelTable, "base", 2**53 - 1, 2**53),
        (ModelTable, "base", 0, -1),
        (ModelTable, "factors", [], [{}]),
        (CardTable, "model", [MODEL, MODEL], []),
        (CardTable, "schema", 1, 2),
    ],
)
def test_a_value_may_go_to_its_edge_and_not_beyond(table: type[Table], key: str, last: object, beyond: object) -> None:
    assert accepts(table, key, last)
    assert not accepts(table, key, beyond)


@given(st.floats() | st.integers() | st.booleans())
def test_a_multiplier_is_never_a_number_that_lost_its_digits(multiplier: object) -> None:
    assert not accepts(FactorTable, "multipliers", {"5": multiplier})


@given(st.integers(1 - 2**53, 2**53 - 1) | st.booleans() | st.text(max_size=5))
def test_a_default_stays_what_it_is_true_and_1_apart(default: str | int | bool) -> None:
    read = FactorTable.model_validate({**FACTOR, "default": default})

    assert (type(read.default), read.default) == (type(default), default)


@pytest.mark.parametrize("default", [5.0, [], {}, START])
def test_nothing_else_is_a_default(default: object) -> None:
    assert not accepts(FactorTable, "default", default)


def test_prices_begin_at_a_moment_in_utc() -> None:
    assert not accepts(CardTable, "effective_from", START.replace(tzinfo=None))
    assert not accepts(CardTable, "effective_from", START.replace(tzinfo=timezone(timedelta(hours=1))))


def test_bounds_name_a_list_and_a_field_of_its_elements() -> None:
    matched = BOUNDS.fullmatch("multi_shot[].duration-2")

    assert isinstance(matched, re.Match)
    assert matched.groupdict() == {"root": "multi_shot", "nested": "duration-2"}
