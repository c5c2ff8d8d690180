"""The record of every change: written before it and after it, in the ledger that SQL keeps.

The rule of this file: what cannot be recorded is not begun.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.audit_record import BEGUN, DONE, AuditRecord, Begun, Done, begun_facts, done_facts
from gateway.core.role import Administrator
from gateway.ports import Clock, Entropy, Ledger

_LOG: Final = logging.getLogger("tollhouse.audit")
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Both methods raise StoreUnavailable."""

    ledger: Ledger
    clock: Clock
    entropy: Entropy

    async def begin(
        self,
        action: str,
        by: Administrator,
        source: str,
        request_id: str,
        reason: str | None,
        asked: Mapping[str, object],
    ) -> Begun:
        record_id = f"aud_{self.entropy.token(_ID_BYTES).hex()}"
        begun = Begun(record_id, self.clock.now(), action, by, source, request_id, reason, asked)
        await self.ledger.note(BEGUN, begun.id, begun.at, begun_facts(begun))
        return begun

    async def end(self, begun: Begun, done: Done) -> None:
        """`done` carries no time of its own yet: it is now."""
        now = self.clock.now()
        await self.ledger.note(DONE, begun.id, now, done_facts(replace(done, at=now)))
        outcome = AuditRecord(begun, done).outcome
        told = {"outcome": outcome, "subject": done.subject, "team": done.team, "by": begun.by.name}
        place = {"from": begun.source, "request": begun.request_id, "record": begun.id}
        _LOG.info(begun.action, extra={"fields": {**told, **place}})
