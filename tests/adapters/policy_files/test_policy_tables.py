"""The single values of the organization's and the teams' files, at the edges of what they may be."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from gateway.adapters.policy_files.policy_tables import (
    RESERVED,
    AllowTable,
    LimitTable,
    OrganizationTable,
    OverrideTable,
    RateTable,
    TeamTable,
)
from gateway.adapters.policy_files.sentences import Table

LIMIT = {"name": "monthly", "meter": "usd", "window": "month", "ceiling": "1.00"}
RATE = {"name": "submits", "requests": 1, "window": "second"}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OVERRIDE = {
    "limit": "monthly",
    "ceiling": "2.00",
    "from": NOON,
    "until": NOON + timedelta(days=1),
    "reason": "launch",
    "approved_by": "cfo",
}
ORGANIZATION = {"schema": 1, "organization": "acme", "zone": "UTC"}
TEAM = {"schema": 1, "team": "video"}

SOUND: dict[type[Table], dict[str, object]] = {
    LimitTable: dict(LIMIT),
    RateTable: dict(RATE),
    OverrideTable: dict(OVERRIDE),
    OrganizationTable: dict(ORGANIZATION),
    TeamTable: dict(TEAM),
    AllowTable: {},
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

    assert not accepts(table, "model_config", 1)


@pytest.mark.parametrize(
    ("table", "key", "last", "beyond"),
    [
        (TeamTable, "team", "a" * 63, "a" * 64),
        (TeamTable, "team", "3d-video", "-video"),
        (TeamTable, "cost_center", "c" * 64, "c" * 65),
        (TeamTable, "cost_center", "CC 4711", "CC\t4711"),
        (TeamTable, "owner", f"{'a' * 100}@{'b' * 100}", f"{'a' * 101}@b"),
        (OrganizationTable, "zone", "America/Argentina/Ushuaia", "america/argentina/ushuaia"),
        (OrganizationTable, "fiscal_year_starts", 12, 0),
        (OrganizationTable, "schema", 1, True),
        (AllowTable, "models", ["!" * 200], ["!" * 201]),
        (AllowTable, "models", [], ["a b"]),
        (AllowTable, "unmetered", False, 0),
        (AllowTable, "input", {"any field": [""]}, {"any field": []}),
        (LimitTable, "alert_at", ["1%", "999%"], ["0%"]),
        (LimitTable, "alert_at", [], ["1000%"]),
        (LimitTable, "models", ["*"], []),
        (RateTable, "requests", 1_000_000, 1_000_001),
        (RateTable, "burst", 1, 0),
        (OverrideTable, "reason", "r" * 500, "r" * 501),
        (OverrideTable, "approved_by", "a" * 200, "a" * 201),
        (OverrideTable, "approved_by", "The chief, by letter", "The chief "),
    ],
)
def test_a_value_may_go_to_its_edge_and_not_beyond(table: type[Table], key: str, last: object, beyond: object) -> None:
    assert accepts(table, key, last)
    assert not accepts(table, key, beyond)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_word_that_reports_use_names_no_team_though_it_may_name_a_limit(word: str) -> None:
    assert not accepts(TeamTable, "team", word)
    assert accepts(LimitTable, "name", word)


def test_a_moment_keeps_the_zone_it_was_written_in_and_needs_one() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    read = OverrideTable.model_validate({**OVERRIDE, "from": tokyo})

    assert read.starts_at.utcoffset() == timedelta(hours=9)
    assert not accepts(OverrideTable, "from", NOON.replace(tzinfo=None))
    assert not accepts(OverrideTable, "from", NOON.date())


@pytest.mark.parametrize("ceiling", ["25.00", 25, "much", 2.5, [], {}])
def test_whatever_a_ceiling_is_it_is_left_to_the_rules_which_know_the_meter(ceiling: object) -> None:
    assert accepts(LimitTable, "ceiling", ceiling)
    assert accepts(OverrideTable, "ceiling", ceiling)
