"""What the ledger's model test may wish for: which limits apply and how tight they are, which rates, at what price."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter, RateDemand
from gateway.core.admission import Admission
from gateway.core.idempotency import Idempotency
from gateway.core.money import MAX_AMOUNT
from tests.adapters.redis import holds

ACCOUNTS: Final = (
    holds.ORGANIZATION,
    holds.TEAM,
    holds.KEY,
    holds.JOBS,
    holds.SECONDS,
    holds.RUNNING,
    Account(AccountScope.ORGANIZATION, "acme", "spend", Meter.USD, "2026-12"),
    Account(AccountScope.TEAM, "blue", "ever", Meter.USD, "total"),
    Account(AccountScope.TEAM, "blue", "pictures", Meter.IMAGES, "2026-W48"),
    Account(AccountScope.KEY, "k2", "running", Meter.IN_FLIGHT, ""),
    Account(AccountScope.KEY, "k1", "spend", Meter.USD, "2026-11", test=True),
)
KEYS: Final = ("k1", "k2")
RATES: Final = (
    RateDemand("submits", AccountScope.TEAM, "red", 60_000_000, 3),
    RateDemand("submits", AccountScope.KEY, "k1", 3_600_000_000, 1),
    RateDemand("submits", AccountScope.TEAM, "red", 90_000_001, 2, test=True),
)
TICKS: Final = (0, 1, 1_000_000, 60_000_000, 600_000_000, -1_000)
COSTS: Final = ("as held", "as held", "less", "more", "nothing", "most")


@dataclass(frozen=True, slots=True)
class LimitWish:
    """One limit: how much of its account the job takes, and how its ceiling compares with what is there then."""

    account: Account
    ceiling: str
    enforced: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """One admission, to be made exact when its turn comes. `tick` is by how many microseconds time moves first.

    `body` None is one that nobody else has; `once` is the idempotency key.
    """

    limits: tuple[LimitWish, ...]
    rates: tuple[RateDemand, ...]
    key: str
    amount: int
    count: int
    tick: int
    rate_card: str = "2026-11-01"
    body: str | None = None
    once: str | None = None


AMOUNTS: Final = st.sampled_from((700_000, 350_000, 0, 1, 1_400_000, 2_000_001, 7)) | st.sampled_from(
    (700_000, 700_000, 700_000, 2**52, MAX_AMOUNT, MAX_AMOUNT - 1)
)


def wishes(ceilings: tuple[str, ...]) -> SearchStrategy[Wish]:
    limit = st.builds(
        LimitWish, st.sampled_from(ACCOUNTS), st.sampled_from(ceilings), st.sampled_from((True, True, False))
    )
    return st.builds(
        Wish,
        limits=st.lists(limit, max_size=4).map(tuple),
        rates=st.sampled_from(((), (), (), RATES[:1], RATES[1:2], RATES[2:], RATES[:2])),
        key=st.sampled_from(KEYS),
        amount=AMOUNTS,
        count=st.sampled_from((1, 5, 0, 10)),
        tick=st.sampled_from(TICKS),
        rate_card=st.sampled_from(("2026-11-01", "2026-11-01", "2026-11-02")),
        body=st.sampled_from((None, None, "body-1", "body-2")),
        once=st.sampled_from((None, None, None, "once-1", "once-2")),
    )


ROOMY: Final = ("roomy", "roomy", "exact", "usual")
TIGHT: Final = ("roomy", "exact", "one short", "zero", "usual")


def grant(
    wish: Wish, hold_id: str, now: datetime, policy: str, revision: int, balance: Callable[[str], Balance]
) -> Admission:
    """The admission that is wished for, with ceilings that fit the balances of this moment."""
    demands = tuple(_demand(limit, wish, balance(limit.account.name)) for limit in wish.limits)
    body = wish.body or f"body of {hold_id}"
    return holds.admission(
        hold_id,
        *demands,
        rates=wish.rates,
        key=wish.key,
        amount=wish.amount,
        quoted=wish.amount,
        policy=policy,
        key_revision=revision,
        created_at=now,
        deadline=now + timedelta(seconds=90),
        rate_card=wish.rate_card,
        digest=body,
        idempotency=None if wish.once is None else Idempotency(wish.once, f"asked-{body}".replace(" ", "-")),
    )


def _demand(limit: LimitWish, wish: Wish, balance: Balance) -> Demand:
    amount = {Meter.USD: wish.amount, Meter.SECONDS: wish.count, Meter.IMAGES: wish.count}.get(limit.account.meter, 1)
    full = balance.posted + balance.held + amount
    ceiling = {
        "roomy": MAX_AMOUNT,
        "exact": min(full, MAX_AMOUNT),
        "one short": min(max(full - 1, 0), MAX_AMOUNT),
        "zero": 0,
        "usual": 5_000_000 if limit.account.meter is Meter.USD else 20,
    }[limit.ceiling]
    return holds.demand(limit.account, amount, ceiling, enforced=limit.enforced)


def cost_of(kind: str, held: int) -> int:
    """What the upstream says it charged, next to what was held."""
    return {
        "as held": held,
        "less": held // 2,
        "more": min(held + 1_000, MAX_AMOUNT),
        "nothing": 0,
        "most": MAX_AMOUNT,
    }[kind]
