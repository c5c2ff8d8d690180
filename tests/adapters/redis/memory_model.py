"""What the store remembers of submits and of prices, in plain Python: written from the rules alone.

An idempotency key is bound from its hold on, freed by its void, and owed its answer until the job's end. A body is
remembered while a hold of it is in doubt, and its answer is given once within a day after that. Three overages of one
price within an hour close it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.idempotency import Idempotency, twin
from gateway.core.ledger import Hold

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class MemoryModel:
    """`bound`: key digest -> hold id and body; `twins`: name of a body -> hold id -> until when (None: in doubt)."""

    bound: dict[str, tuple[str, str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    twins: dict[str, dict[str, datetime | None]] = field(default_factory=dict)
    overages: dict[str, dict[str, datetime]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def recall(self, hold: Hold, now: datetime) -> tuple[str, bool] | None:
        """The earlier hold that this submit is a repetition of, and whether with the same body."""
        if hold.idempotency is not None:
            bound = self.bound.get(hold.idempotency.key)
            return None if bound is None else (bound[0], bound[1] == hold.idempotency.body)
        twins = self.twins.get(twin(hold.key, hold.digest), {})
        for name, until in list(twins.items()):
            if until is not None and until > now:
                del twins[name]
                return name, True
        return next(((name, True) for name, until in twins.items() if until is None), None)

    def held(self, hold: Hold) -> None:
        if hold.idempotency is not None:
            self._bind(hold.id, hold.idempotency)

    def moved(self, hold: Hold, was: str, becomes: str, now: datetime) -> None:
        """What a hold's move leaves behind."""
        if hold.idempotency is None:
            self._moved_body(hold, was, becomes, now)
        else:
            self._moved_key(hold.id, hold.idempotency, was, becomes)

    def _bind(self, hold_id: str, idempotency: Idempotency) -> None:
        self.bound[idempotency.key] = (hold_id, idempotency.body)
        self.ended.discard(idempotency.key)

    def _moved_key(self, hold_id: str, idempotency: Idempotency, was: str, becomes: str) -> None:
        """A hold that only gets another job says nothing of whose the key is: another submit may have lost it since."""
        if idempotency.key not in self.bound:
            if becomes == "captured" and was != becomes:
                self._bind(hold_id, idempotency)
        elif self.bound[idempotency.key][0] == hold_id:
            if becomes == "voided":
                del self.bound[idempotency.key]
            elif becomes in {"finished", "refunded"}:
                self.ended.add(idempotency.key)

    def _moved_body(self, hold: Hold, was: str, becomes: str, now: datetime) -> None:
        twins = self.twins.setdefault(twin(hold.key, hold.digest), {})
        if becomes == "in_doubt":
            twins[hold.id] = None
        elif was == "in_doubt" and becomes == "captured":
            twins[hold.id] = now + DAY
        elif was == "in_doubt":
            twins.pop(hold.id, None)

    def overage(self, price: str, hold_id: str, now: datetime) -> bool:
        """Count one; whether it was the one that closed the price."""
        recent = {name: at for name, at in self.overages.get(price, {}).items() if at > now - HOUR}
        self.overages[price] = {**recent, hold_id: now}
        closes = len(self.overages[price]) >= 3 and price not in self.closed
        if closes:
            self.closed.add(price)
        return closes

    def names(self) -> set[str]:
        """Every key that must be there."""
        closed = {"{toll}:closed"} if self.closed else set()
        bound = {f"{{toll}}:idempotency:{key}" for key in self.bound}
        overages = {f"{{toll}}:overages:{price}" for price in self.overages}
        return closed | bound | overages | {f"{{toll}}:twins:{body}" for body, twins in self.twins.items() if twins}

    def passing(self) -> set[str]:
        """Those of them that must expire some day."""
        ended = {f"{{toll}}:idempotency:{key}" for key in self.ended & self.bound.keys()}
        overages = {f"{{toll}}:overages:{price}" for price in self.overages}
        quiet = {body for body, twins in self.twins.items() if twins and None not in twins.values()}
        return ended | overages | {f"{{toll}}:twins:{body}" for body in quiet}
