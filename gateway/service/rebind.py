"""A hold that was bound to a job by the list, and whose own answer comes after all.

The rule of this file: the sender's own answer outranks the list. The hold gets the job that it was answered with, at
what that cost; the other job is nobody's again, and is looked after like any other that no hold owns.
"""

import logging
from typing import Final

from gateway.core.ledger import Outcome, Verb
from gateway.ports import Clock, Ledger
from gateway.service.intent import Intent

_LOG: Final = logging.getLogger("tollhouse.rebind")
LISTED: Final = frozenset({"list", "group"})


async def rebind(ledger: Ledger, intent: Intent, clock: Clock) -> bool:
    """Whether the job of a capture that found its hold captured already is the hold's, now or before.

    Raises StoreUnavailable, and may then be asked again.
    """
    hold, record = intent.hold, await ledger.find(intent.hold.id)
    if record is None or record.job is None or record.job == intent.job:
        return True
    fields = {"hold": hold.id, "job": intent.job, "bound": record.job, "matched": record.matched}
    if record.matched not in LISTED:
        _LOG.error("a hold was answered with two jobs", extra={"fields": fields})
        return False
    facts = {**intent.facts, "matched": "answer", "was_job": record.job, "cost": str(intent.cost)}
    difference = intent.cost - (record.cost or 0)
    moved = await ledger.move(
        Verb.REBIND, hold, clock.now(), job=intent.job, cost=difference, facts=facts, reply=intent.reply
    )
    if moved.outcome in (Outcome.REBOUND, Outcome.ALREADY):
        _LOG.warning("a hold's own answer came after the list had settled it: it is rebound", extra={"fields": fields})
        return True
    # Its job is another hold's by the list, or has ended under the wrong name: somebody has to look.
    _LOG.error("a hold cannot have the job it was answered with: %s", moved.outcome, extra={"fields": fields})
    return False
