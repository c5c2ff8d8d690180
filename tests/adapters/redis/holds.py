"""Builders of what tests ask the ledger for: accounts, demands, admissions."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.core.account import Account, AccountScope, Demand, Meter, RateDemand
from gateway.core.admission import Admission
from gateway.core.ledger import Charge, Hold
from gateway.core.pricing import AppliedFactor

MONTH_END: Final = datetime(2026, 12, 1, tzinfo=UTC)
PATIENCE: Final = timedelta(seconds=90)

ORGANIZATION: Final = Account(AccountScope.ORGANIZATION, "acme", "spend", Meter.USD, "2026-11")
TEAM: Final = Account(AccountScope.TEAM, "red", "spend", Meter.USD, "2026-11")
KEY: Final = Account(AccountScope.KEY, "k1", "spend", Meter.USD, "2026-11")
JOBS: Final = Account(AccountScope.TEAM, "red", "jobs", Meter.JOBS, "2026-11")
SECONDS: Final = Account(AccountScope.TEAM, "red", "video", Meter.SECONDS, "2026-11")
RUNNING: Final = Account(AccountScope.TEAM, "red", "running", Meter.IN_FLIGHT, "")


def demand(account: Account, amount: int, ceiling: int, *, enforced: bool = True) -> Demand:
    """What a limit asks; monthly, except where nothing ends."""
    ends = MONTH_END if account.window else None
    return Demand(account, amount, ceiling, enforced, "month" if ends else "", ends)


def admission(hold_id: str, *demands: Demand, rates: tuple[RateDemand, ...] = (), **others: Any) -> Admission:
    """An admission of these demands; `others` are fields of the hold that matter to the test."""
    charges = tuple(Charge(one.account.name, one.account.meter, one.amount, one.resets_at) for one in demands)
    amount = max((one.amount for one in demands if one.account.meter is Meter.USD), default=0)
    created_at = others.get("created_at", datetime(2026, 11, 23, 12, tzinfo=UTC))
    plain: dict[str, Any] = {
        "id": hold_id,
        "attempt": f"first of {hold_id}",
        "organization": "acme",
        "team": "red",
        "key": "k1",
        "model": "kling/kling-2.6-pro/text-to-video",
        "version": None,
        "amount": amount,
        "quoted": amount,
        "factors": (AppliedFactor("duration", "5", "1"),),
        "rate_card": "2026-11-01",
        "policy": "p1",
        "key_revision": 1,
        "charges": charges,
        "digest": f"body of {hold_id}",
        "request_id": f"request of {hold_id}",
        "created_at": created_at,
        "deadline": created_at + PATIENCE,
    }
    return Admission(Hold(**(plain | others)), demands, rates)
