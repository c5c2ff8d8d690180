"""Calendar windows: every instant is in exactly one of a kind, whatever the clocks of the zone do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.window import Calendar, Window, WindowKind

ZONES = sorted(available_timezones())
ODD_ZONES = [
    "America/St_Johns",  # Until 2011 the clock went back at 00:01, into the day before.
    "America/Sao_Paulo",  # Midnight did not exist on the first day of summer time.
    "Asia/Beirut",
    "Africa/Cairo",
    "Pacific/Apia",  # Had no 2011-12-30.
    "Pacific/Kwajalein",  # Had no 1993-08-21.
    "Australia/Lord_Howe",  # Changes by half an hour.
    "Africa/Monrovia",  # Its offset was no whole minute until 1972.
    "Antarctica/Troll",
    "Europe/Dublin",
]
KINDS = [kind for kind in WindowKind if kind is not WindowKind.TOTAL]
INSTANT = timedelta(microseconds=1)

zones = st.sampled_from(ODD_ZONES) | st.sampled_from(ZONES)
instants = st.datetimes(datetime(1970, 1, 2), datetime(2100, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))
days_apart = st.timedeltas(timedelta(0), timedelta(days=3))
calendars = st.builds(lambda zone, month: Calendar(ZoneInfo(zone), month), zones, st.integers(1, 12))
kinds = st.sampled_from(KINDS)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def label(zone: str, kind: WindowKind, instant: str, year_starts: int = 1) -> str:
    return Calendar(ZoneInfo(zone), year_starts).containing(kind, utc(instant)).label


def bounds(window: Window) -> tuple[datetime, datetime]:
    assert window.starts_at is not None
    assert window.ends_at is not None
    return window.starts_at, window.ends_at


@given(calendars, kinds, instants)
def test_an_instant_is_in_its_window_and_so_are_its_first_and_last(
    calendar: Calendar, kind: WindowKind, now: datetime
) -> None:
    window = calendar.containing(kind, now)
    starts_at, ends_at = bounds(window)

    assert starts_at <= now < ends_at
    assert starts_at.tzinfo is UTC
    assert ends_at.tzinfo is UTC
    assert calendar.containing(kind, starts_at) == window
    assert calendar.containing(kind, ends_at - INSTANT) == window


@given(calendars, kinds, instants)
def test_the_next_window_begins_where_this_one_ends_under_another_label(
    calendar: Calendar, kind: WindowKind, now: datetime
) -> None:
    window = calendar.containing(kind, now)
    _, ends_at = bounds(window)
    following = calendar.containing(kind, ends_at)

    assert bounds(following)[0] == ends_at
    assert following.label != window.label


@given(calendars, kinds, instants, days_apart)
def test_two_instants_share_a_label_exactly_when_they_share_a_window(
    calendar: Calendar, kind: WindowKind, now: datetime, apart: timedelta
) -> None:
    one, other = calendar.containing(kind, now), calendar.containing(kind, now + apart)

    assert (one.label == other.label) == (one == other) == (bounds(one)[1] > now + apart)


@given(calendars, kinds, st.lists(instants, min_size=2, max_size=5))
def test_what_was_asked_before_changes_no_answer(calendar: Calendar, kind: WindowKind, moments: list[datetime]) -> None:
    afresh = [Calendar(calendar.zone, calendar.fiscal_year_starts).containing(kind, moment) for moment in moments]

    assert [calendar.containing(kind, moment) for moment in moments] == afresh


@given(calendars, instants)
def test_longer_windows_are_made_of_whole_days(calendar: Calendar, now: datetime) -> None:
    day_starts, day_ends = bounds(calendar.containing(WindowKind.DAY, now))

    for kind in (WindowKind.WEEK, WindowKind.MONTH, WindowKind.QUARTER, WindowKind.YEAR):
        starts_at, ends_at = bounds(calendar.containing(kind, now))
        assert starts_at <= day_starts
        assert ends_at >= day_ends


@given(calendars, instants)
def test_labels_are_the_local_date_except_close_to_a_clock_change(calendar: Calendar, now: datetime) -> None:
    local = now.astimezone(calendar.zone)
    quiet = local.utcoffset() == (now - timedelta(days=2)).astimezone(calendar.zone).utcoffset()
    labels = {kind: calendar.containing(kind, now).label for kind in KINDS}

    if quiet:
        assert labels[WindowKind.DAY] == local.strftime("%Y-%m-%d")
        assert labels[WindowKind.WEEK] == local.strftime("%G-W%V")
        assert labels[WindowKind.MONTH] == local.strftime("%Y-%m")
    assert labels[WindowKind.HOUR] == now.strftime("%Y-%m-%dT%HZ")


@given(zones.map(ZoneInfo), st.dates(date(1970, 1, 3), date(2100, 12, 28)))
def test_a_day_begins_at_the_first_instant_of_its_midnight(zone: ZoneInfo, day: date) -> None:
    calendar = Calendar(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    window = calendar.containing(WindowKind.DAY, midnight)

    assert bounds(window)[0] == midnight
    # Only a day that the zone skips is found under another date: the next.
    assert window.label >= day.isoformat()
    assert window.label == day.isoformat() or midnight.astimezone(zone).date() > day


@given(zones, instants)
def test_a_fiscal_year_that_starts_in_january_is_the_calendar_year(zone: str, now: datetime) -> None:
    calendar = Calendar(ZoneInfo(zone), 1)
    year, quarter = (calendar.containing(kind, now).label for kind in (WindowKind.YEAR, WindowKind.QUARTER))
    month = int(calendar.containing(WindowKind.MONTH, now).label[5:])

    assert quarter == f"FY{year}-Q{(month + 2) // 3}"


def test_a_total_never_begins_and_never_ends() -> None:
    window = Calendar(ZoneInfo("Europe/Berlin")).containing(WindowKind.TOTAL, utc("2026-11-23"))

    assert window == Window(WindowKind.TOTAL, "total", None, None)


@pytest.mark.parametrize(
    ("kind", "expected", "starts", "ends"),
    [
        (WindowKind.HOUR, "2026-11-23T14Z", "2026-11-23T14:00", "2026-11-23T15:00"),
        (WindowKind.DAY, "2026-11-23", "2026-11-22T23:00", "2026-11-23T23:00"),
        (WindowKind.WEEK, "2026-W48", "2026-11-22T23:00", "2026-11-29T23:00"),
        (WindowKind.MONTH, "2026-11", "2026-10-31T23:00", "2026-11-30T23:00"),
        (WindowKind.QUARTER, "FY2026-Q4", "2026-09-30T22:00", "2026-12-31T23:00"),
        (WindowKind.YEAR, "2026", "2025-12-31T23:00", "2026-12-31T23:00"),
    ],
)
def test_the_windows_of_an_afternoon_in_berlin(kind: WindowKind, expected: str, starts: str, ends: str) -> None:
    window = Calendar(ZoneInfo("Europe/Berlin")).containing(kind, utc("2026-11-23T14:05"))

    assert window == Window(kind, expected, utc(starts), utc(ends))


@pytest.mark.parametrize(
    ("now", "expected", "hours"),
    [("2026-03-29T12:00", "2026-03-29", 23), ("2026-10-25T12:00", "2026-10-25", 25), ("2026-07-01", "2026-07-01", 24)],
)
def test_a_day_has_as_many_hours_as_the_clock_gives_it(now: str, expected: str, hours: int) -> None:
    window = Calendar(ZoneInfo("Europe/Berlin")).containing(WindowKind.DAY, utc(now))
    starts_at, ends_at = bounds(window)

    assert window.label == expected
    assert ends_at - starts_at == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("month", "days"), [("2028-02", 29), ("2027-02", 28), ("2100-02", 28), ("2000-02", 29), ("2026-04", 30)]
)
def test_a_month_has_its_own_length(month: str, days: int) -> None:
    starts_at, ends_at = bounds(Calendar(ZoneInfo("UTC")).containing(WindowKind.MONTH, utc(f"{month}-15")))

    assert (ends_at - starts_at).days == days


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-12-31", "2026-W53"),  # A year of 53 weeks.
        ("2027-01-03", "2026-W53"),  # Its last Sunday.
        ("2027-01-04", "2027-W01"),
        ("2024-12-30", "2025-W01"),  # The first week of 2025 begins in 2024.
        ("2021-01-01", "2020-W53"),
    ],
)
def test_weeks_are_iso_weeks_of_iso_years(day: str, expected: str) -> None:
    assert label("UTC", WindowKind.WEEK, day) == expected


@pytest.mark.parametrize(
    ("year_starts", "now", "year", "quarter"),
    [
        (1, "2026-01-01", "2026", "FY2026-Q1"),
        (1, "2026-12-31", "2026", "FY2026-Q4"),
        (4, "2026-03-31", "FY2026", "FY2026-Q4"),
        (4, "2026-04-01", "FY2027", "FY2027-Q1"),
        (10, "2026-12-31", "FY2027", "FY2027-Q1"),
        (10, "2027-01-01", "FY2027", "FY2027-Q2"),
        (12, "2026-11-30", "FY2026", "FY2026-Q4"),
        (12, "2026-12-01", "FY2027", "FY2027-Q1"),
        (2, "2027-01-31", "FY2027", "FY2027-Q4"),
    ],
)
def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends(
    year_starts: int, now: str, year: str, quarter: str
) -> None:
    assert label("UTC", WindowKind.YEAR, now, year_starts) == year
    assert label("UTC", WindowKind.QUARTER, now, year_starts) == quarter


def test_a_fiscal_quarter_may_cross_the_turn_of_the_year() -> None:
    window = Calendar(ZoneInfo("UTC"), 11).containing(WindowKind.QUARTER, utc("2027-01-15"))

    assert window == Window(WindowKind.QUARTER, "FY2027-Q1", utc("2026-11-01"), utc("2027-02-01"))


def test_where_the_clock_goes_back_across_midnight_the_new_day_has_begun_for_good() -> None:
    # 2010-11-07 00:01 became 2010-11-06 23:01 (02:31 UTC): the local date said the 6th once more.
    assert label("America/St_Johns", WindowKind.DAY, "2010-11-07T02:29") == "2010-11-06"
    assert label("America/St_Johns", WindowKind.DAY, "2010-11-07T02:30") == "2010-11-07"
    assert label("America/St_Johns", WindowKind.DAY, "2010-11-07T02:31") == "2010-11-07"
    assert label("America/St_Johns", WindowKind.DAY, "2010-11-07T03:00") == "2010-11-07"


def test_a_month_that_has_begun_is_not_left_when_the_clock_goes_back_into_the_one_before() -> None:
    # 2009-11-01 00:01 became 2009-10-31 23:01.
    calendar = Calendar(ZoneInfo("America/St_Johns"))
    october = calendar.containing(WindowKind.MONTH, utc("2009-11-01T02:29:59"))
    november = calendar.containing(WindowKind.MONTH, utc("2009-11-01T02:45"))

    assert (october.label, october.ends_at) == ("2009-10", utc("2009-11-01T02:30"))
    assert (november.label, november.starts_at) == ("2009-11", utc("2009-11-01T02:30"))


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),
        ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00"),
        ("Africa/Cairo", "2023-04-28", "2023-04-27T22:00"),
    ],
)
def test_where_midnight_does_not_exist_the_day_begins_when_the_clock_passes_it(
    zone: str, day: str, begins: str
) -> None:
    window = Calendar(ZoneInfo(zone)).containing(WindowKind.DAY, utc(begins))

    assert (window.label, window.starts_at) == (day, utc(begins))
    assert window.ends_at == utc(begins) + timedelta(hours=23)


def test_a_day_that_a_zone_skips_has_no_instants() -> None:
    calendar = Calendar(ZoneInfo("Pacific/Apia"))
    before = calendar.containing(WindowKind.DAY, utc("2011-12-30T09:59:59"))
    after = calendar.containing(WindowKind.DAY, utc("2011-12-30T10:00"))

    assert (before.label, before.ends_at) == ("2011-12-29", utc("2011-12-30T10:00"))
    assert (after.label, after.starts_at) == ("2011-12-31", utc("2011-12-30T10:00"))


def test_hours_are_those_of_utc_where_the_offset_is_no_whole_hour() -> None:
    assert label("Asia/Kathmandu", WindowKind.HOUR, "2026-11-23T14:59:59") == "2026-11-23T14Z"


def test_an_instant_may_be_given_in_any_zone() -> None:
    calendar, now = Calendar(ZoneInfo("Europe/Berlin")), utc("2026-11-30T23:30")

    for kind in KINDS:
        assert calendar.containing(kind, now.astimezone(ZoneInfo("Asia/Tokyo"))) == calendar.containing(kind, now)
