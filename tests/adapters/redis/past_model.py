"""What a sweep must leave of the ledger's model, written from the rule alone: what ended goes after ninety days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.core.idempotency import twin
from gateway.core.ledger import Hold, Move
from gateway.core.retention import Swept
from tests.adapters.redis.ledger_model import LedgerModel, micros

NINETY_DAYS: Final = 90 * 86_400_000_000
ENDS: Final = ("finished", "refunded", "voided")


@dataclass(slots=True)
class PastModel(LedgerModel):
    """`ends` are the window ends of all accounts that have one; `listed` those of which a hold is gone already.

    `swept_to` is the latest window's end of which an account was swept, `swept` are the names of those that were;
    `late` counts what came to accounts of which none is made any more.
    """

    ends: dict[str, int] = field(default_factory=dict)
    listed: dict[str, int] = field(default_factory=dict)
    swept: set[str] = field(default_factory=set)
    swept_to: int = 0
    late: dict[str, int] = field(default_factory=lambda: {"more": 0, "less": 0})

    def _enter(self, kind: str, hold: Hold, now: datetime, moves: list[Move], facts: Mapping[str, str]) -> None:
        self.ends |= {one.account: micros(one.ends_at) for one in hold.charges if one.ends_at is not None}
        gone = [move for move in moves if move.account not in self.balances and self.never_again(move.account)]
        LedgerModel._enter(self, kind, hold, now, moves, facts)
        assert not gone or kind != "hold"
        for move in gone:
            self.balances.pop(move.account, None)
            if move.posted or move.held:
                self.late["less" if min(move.posted, move.held) < 0 else "more"] += 1

    def never_again(self, account: str) -> bool:
        """Whether no account of this window is made any more."""
        return self.ends.get(account, self.swept_to + 1) <= self.swept_to

    def sweep_holds(self, now: datetime, limit: int) -> Swept:
        before = micros(now) - NINETY_DAYS
        ended = sorted((score, name) for name, score in self.index(*ENDS).items() if score <= before)[:limit]
        gone = 0
        for _, name in ended:
            kept = self.holds[name]
            if (begun := micros(kept.hold.created_at)) > before:
                kept.score = begun
                continue
            gone += 1
            del self.holds[name]
            if kept.job is not None and self.jobs.get(kept.job) == name:
                del self.jobs[kept.job]
            self._forget(kept.hold)
            charged = {charge.account for charge in kept.hold.charges}
            self.listed |= {account: end for account, end in self.ends.items() if account in charged}
        return Swept(len(ended), gone)

    def _forget(self, hold: Hold) -> None:
        if hold.idempotency is None:
            self.memory.twins.get(twin(hold.key, hold.digest), {}).pop(hold.id, None)
        elif self.memory.bound.get(hold.idempotency.key, ("", ""))[0] == hold.id:
            del self.memory.bound[hold.idempotency.key]

    def sweep_accounts(self, now: datetime, limit: int) -> Swept:
        before = micros(now) - NINETY_DAYS
        past = sorted((end, name) for name, end in self.listed.items() if end <= before)[:limit]
        gone = 0
        for end, name in past:
            del self.listed[name]
            if self.balances.get(name, [0, 1])[1] == 0:
                gone += 1
                del self.balances[name]
                self.swept.add(name)
                self.swept_to = max(self.swept_to, end)
        return Swept(len(past), gone)
