"""Calendar windows in a named zone: which hour, day, week, month, quarter or year an instant belongs to.

The rule of this file: a window is the instants from its start up to, not including, its end. A local day starts at the
first instant at which its midnight is reached, and every longer window starts with a day; so the windows of a kind
follow each other without gap or overlap, whatever the clocks of the zone do. A day that a zone skips has no instants.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class WindowKind(StrEnum):
    """How long a limit counts before it starts again. `total` never starts again."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Window:
    """The instants in [`starts_at`, `ends_at`), UTC; both None for `total`. `label` is local date text, not a time."""

    kind: WindowKind
    label: str
    starts_at: datetime | None
    ends_at: datetime | None


_TOTAL: Final = Window(WindowKind.TOTAL, "total", None, None)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The organization's calendar. `fiscal_year_starts` is the month (1 to 12) in which its years begin.

    Keeps the last window of each kind, which changes no answer.
    """

    zone: ZoneInfo
    fiscal_year_starts: int = 1
    _last: dict[WindowKind, tuple[datetime, datetime, Window]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def containing(self, kind: WindowKind, now: datetime) -> Window:
        """The one window of `kind` that the instant `now` (aware) is in."""
        if kind is WindowKind.TOTAL:
            return _TOTAL
        last = self._last.get(kind)
        if last is not None and last[0] <= now < last[1]:
            return last[2]
        starts_at, ends_at, label = self._hour(now) if kind is WindowKind.HOUR else self._days(kind, now)
        window = Window(kind, label, starts_at, ends_at)
        self._last[kind] = (starts_at, ends_at, window)
        return window

    def _hour(self, now: datetime) -> tuple[datetime, datetime, str]:
        starts_at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return starts_at, starts_at + _HOUR, f"{starts_at:%Y-%m-%dT%H}Z"

    def _days(self, kind: WindowKind, now: datetime) -> tuple[datetime, datetime, str]:
        first, following, label = _span(kind, self._day(now), self.fiscal_year_starts)
        return self._start(first), self._start(following), label

    def _day(self, now: datetime) -> date:
        """The day whose instants hold `now`. It is the local date, except close to a clock change across midnight."""
        day = now.astimezone(self.zone).date()
        while now < self._start(day):
            day -= _DAY
        while now >= self._start(day + _DAY):
            day += _DAY
        return day

    def _start(self, day: date) -> datetime:
        """The first midnight of `day` where there are two; where there is none, the instant the clock passes it."""
        return datetime.combine(day, time(fold=0), self.zone).astimezone(UTC)


def _span(kind: WindowKind, day: date, year_starts: int) -> tuple[date, date, str]:
    """The first day of the window that `day` is in, the first day of the next one, and the label."""
    match kind:
        case WindowKind.DAY:
            return day, day + _DAY, day.isoformat()
        case WindowKind.WEEK:
            week = day.isocalendar()
            first = day - (week.weekday - 1) * _DAY
            return first, first + 7 * _DAY, f"{week.year:04}-W{week.week:02}"
        case WindowKind.MONTH:
            first = day.replace(day=1)
            return first, _months_after(first, 1), f"{first:%Y-%m}"
        case WindowKind.QUARTER:
            since = (day.month - year_starts) % 12
            first = _months_after(day.replace(day=1), -(since % 3))
            return first, _months_after(first, 3), f"FY{_year_name(day, year_starts)}-Q{since // 3 + 1}"
        case WindowKind.YEAR:
            first = _months_after(day.replace(day=1), -((day.month - year_starts) % 12))
            prefix = "" if year_starts == 1 else "FY"
            return first, _months_after(first, 12), f"{prefix}{_year_name(day, year_starts)}"
        case WindowKind.HOUR | WindowKind.TOTAL:
            raise ValueError(f"a window of kind {kind} is not made of days")


def _year_name(day: date, year_starts: int) -> str:
    """A year is named by the calendar year in which it ends."""
    return f"{day.year + (year_starts > 1 and day.month >= year_starts):04}"


def _months_after(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)
