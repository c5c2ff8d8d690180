"""Instants as text are what `isoformat` makes of them."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.timestamp import timestamp


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
