"""Limits as clients see them: the same names and forms in `/me`, in `/quote` and in the details of a refusal."""

from datetime import datetime
from functools import lru_cache
from typing import Final, overload

from gateway.core.account import Balance, Demand, Meter, headroom
from gateway.core.money import format_usd
from gateway.core.refusal import Verdict

_COUNTED: Final = {
    Meter.JOBS: "jobs",
    Meter.SECONDS: "seconds",
    Meter.IMAGES: "images",
    Meter.IN_FLIGHT: "jobs in flight",
}


def amount(meter: Meter, value: int) -> str | int:
    """Money as a decimal string of USD with six places, counts as they are."""
    return format_usd(value) if meter is Meter.USD else value


def told(meter: Meter, value: int) -> str:
    """An amount as sentences carry it: `0.70 USD`, `3 jobs`."""
    if meter is not Meter.USD:
        return f"{value} {_COUNTED[meter]}"
    whole, _, fraction = format_usd(value).partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')} USD"


@overload
def instant(moment: datetime) -> str: ...
@overload
def instant(moment: None) -> None: ...
@overload
def instant(moment: datetime | None) -> str | None: ...
def instant(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the second."""
    return None if moment is None else _text(moment)


@lru_cache(maxsize=4096)
def _text(moment: datetime) -> str:
    # Not strftime, which writes the year 196 with three digits.
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def standing_row(demand: Demand, balance: Balance) -> dict[str, object]:
    """How one limit stands now. The amount of the demand plays no part."""
    meter = demand.account.meter
    return {
        "name": demand.account.limit,
        "scope": demand.account.scope,
        "meter": meter,
        "window": demand.window or None,
        "mode": "enforce" if demand.enforced else "shadow",
        "ceiling": amount(meter, demand.ceiling),
        "posted": amount(meter, balance.posted),
        "held": amount(meter, balance.held),
        "headroom": amount(meter, headroom(demand.ceiling, balance)),
        "resets_at": instant(demand.resets_at),
    }


def demand_row(demand: Demand, balance: Balance, verdict: Verdict) -> dict[str, object]:
    """How one limit stands towards one job. The balance is the one without the job."""
    required = amount(demand.account.meter, demand.amount)
    return {**standing_row(demand, balance), "required": required, "verdict": verdict}
