"""What tests ask a ledger for, and a ledger to ask: accounts, demands, admissions."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.account import Account, AccountScope, Demand, Meter, RateDemand
from gateway.core.admission import Admission
from gateway.core.ledger import Charge, Hold
from gateway.core.pricing import AppliedFactor
from gateway.ports import PolicyVersion
from tests.doubles import SIGNED

MONTH_END: Final = datetime(2026, 12, 1, tzinfo=UTC)
PATIENCE: Final = timedelta(seconds=90)
HALF_A_DAY: Final = timedelta(hours=12)

ORGANIZATION: Final = Account(AccountScope.ORGANIZATION, "acme", "spend", Meter.USD, "2026-11")
TEAM: Final = Account(AccountScope.TEAM, "red", "spend", Meter.USD, "2026-11")
KEY: Final = Account(AccountScope.KEY, "k1", "spend", Meter.USD, "2026-11")
JOBS: Final = Account(AccountScope.TEAM, "red", "jobs", Meter.JOBS, "2026-11")
SECONDS: Final = Account(AccountScope.TEAM, "red", "video", Meter.SECONDS, "2026-11")
RUNNING: Final = Account(AccountScope.TEAM, "red", "running", Meter.IN_FLIGHT, "")


# Jobs that are alike carry the same tuples, as those do that the gateway plans: so they may be asked about together.
_KNOWN: Final[dict[tuple[Any, ...], tuple[Any, ...]]] = {}


def demand(account: Account, amount: int, ceiling: int, *, enforced: bool = True) -> Demand:
    """What a limit asks; monthly, except where nothing ends."""
    ends = MONTH_END if account.window else None
    return Demand(account, amount, ceiling, enforced, "month" if ends else "", ends)


def admission(hold_id: str, *demands: Demand, rates: tuple[RateDemand, ...] = (), **others: Any) -> Admission:
    """An admission of these demands; `others` are fields of the hold that matter to the test."""
    charges = tuple(Charge(one.account.name, one.account.meter, one.amount, one.resets_at) for one in demands)
    charges, demands, rates = (_KNOWN.setdefault(one, one) for one in (charges, demands, rates))
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


async def open_ledger(store: Store, max_skew: timedelta = HALF_A_DAY) -> RedisLedger:
    """A ledger of epoch `e1`, where `admission` is neither stale nor early."""
    await initialise(store, Identity("e1", "acme"))
    await RedisPolicies(store).publish(PolicyVersion("p1", {}), None, SIGNED)
    await store.command("HSET", keys.key("k1"), "revision", 1)
    return RedisLedger(store, "e1", max_skew)
