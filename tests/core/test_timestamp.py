"""Instants as text are what `isoformat` makes of them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.timestamp import read_time, timestamp

AT = datetime(2026, 11, 24, 2, 44, 16, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(2026, 11, 24, 2, 44, 16, tzinfo=UTC))
@example(datetime(2026, 11, 24, 2, 44, 16, 1, tzinfo=UTC))
@example(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
def test_it_is_what_isoformat_writes(instant: datetime) -> None:
    assert timestamp(instant) == instant.isoformat()
    assert datetime.fromisoformat(timestamp(instant)) == instant


def test_an_instant_of_another_zone_is_written_in_utc() -> None:
    there = datetime(2026, 11, 24, 2, 44, 16, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(there) == "2026-11-24T00:44:16+00:00"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-24T02:44:16Z", AT),
        ("2026-11-24T02:44:16.000Z", AT),
        ("2026-11-24T03:44:16+01:00", AT),
        ("2026-11-24T02:44:16", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("yesterday", None),
        ("2" * 100, None),
        (1764000000, None),
        (None, None),
    ],
)
def test_an_instant_names_its_zone(text: object, instant: datetime | None) -> None:
    assert read_time(text) == instant
