"""Moments as somebody types them: so long ago, a date, an instant."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_AGO = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[dh])", re.ASCII)


def moment(text: str, now: datetime, option: str) -> datetime:
    """`30d` or `12h` before `now`, `2026-11-01`, `2026-11-01T18:00:00Z`; without a zone, UTC. Raises BadParameter."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - int(ago["count"]) * _UNITS[ago["unit"]]
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f'"{text}" is not 30d, 12h or a date such as 2026-11-01', param_hint=option) from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
