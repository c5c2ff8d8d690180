"""The end of a job as the upstream tells it: believed if it is signed, booked, and passed on to whoever asked for it.

The rule of this file: the token says whose hold it is, the signature that the upstream says so; without both nothing
is read, and nobody learns which of them was wrong. All that follows may happen twice, in any order, and counts once;
the upstream is thanked when all of it has happened, and tells us again if not.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from gateway.core.current import Current
from gateway.core.delivery import Event, event_id
from gateway.core.ending import Running, Source
from gateway.core.hook_token import Named, read_token
from gateway.core.key_secret import Peppers
from gateway.core.ledger import Outcome, State, Verb
from gateway.core.recall import HoldRecord
from gateway.core.webhook_event import Heard, JobTold, read_event
from gateway.core.webhook_signature import verified
from gateway.ports import Clock, Ledger, SettlingTelemetry
from gateway.service.intent import Intent
from gateway.service.lifecycle import Lifecycle
from gateway.service.rebind import rebind

_LOG: Final = logging.getLogger("tollhouse.hooks")
# Well below the 30 s that the provider waits for us.
_WAIT_S: Final = 10.0
_LOOK_S: Final = 0.5


class Inbox(Protocol):
    async def put(self, event: Event) -> bool:
        """Have it sent, unless it is known already: then False. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """By what the upstream's webhooks are known, and those of the built-in sandbox: any of these will do."""

    live: tuple[str, ...] = field(repr=False)
    test: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """A call as it came: the raw body, and the two headers, empty where they are missing."""

    body: bytes = field(repr=False)
    timestamp: str
    signature: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hooks:
    """`redact` blots the real key out of what the upstream wrote, before anything behind it sees it."""

    ledger: Ledger
    lifecycle: Lifecycle
    telemetry: SettlingTelemetry
    inbox: Inbox
    secrets: Current[HookSecrets]
    peppers: Current[Peppers]
    clock: Clock
    redact: Callable[[bytes], bytes]

    def named(self, token: str) -> Named | None:
        """What a token names; None for one that is not ours. Asks nobody."""
        return read_token(token, self.peppers.value)

    async def take(self, named: Named, call: Signed) -> Heard:
        """Believe a call or not, and do what follows from it. Raises StoreUnavailable, and may then be told again."""
        now = self.clock.now()
        secrets = self.secrets.value.test if named.test else self.secrets.value.live
        if not any(verified(call.body, call.timestamp, call.signature, secret, now) for secret in secrets):
            return Heard.REFUSED
        body = self.redact(call.body)
        told = read_event(body)
        if told is None:
            return Heard.UNREADABLE
        record = await self._read(named.hold)
        if record is None or record.hold.test is not named.test:
            return Heard.REFUSED
        if record.state is State.HELD:
            return Heard.EARLY
        return await self._book(record, told, body, now)

    async def _read(self, hold: str) -> HoldRecord | None:
        """The hold, once its sender is done with it, if that is soon: the sender's answer may name a cost, and what we
        are told here names none."""
        until = self.clock.monotonic() + _WAIT_S
        while True:
            record = await self.ledger.find(hold)
            if record is None or record.state is not State.HELD or self.clock.monotonic() >= until:
                return record
            await asyncio.sleep(_LOOK_S)

    async def _book(self, record: HoldRecord, told: JobTold, body: bytes, now: datetime) -> Heard:
        """First what was charged, then the end, then the client: in this order nothing is lost half way."""
        captured = await self._capture(record, told, now)
        if isinstance(told.says, Running):
            return Heard.TAKEN if captured else Heard.REPEATED
        moved = await self.lifecycle.ended(told.job, told.says, Source.WEBHOOK)
        passed_on = await self._pass_on(record, told, body, now)
        changed = captured or passed_on or (moved is not None and moved.outcome in _ENDED)
        return Heard.TAKEN if changed else Heard.REPEATED

    async def _capture(self, record: HoldRecord, told: JobTold, now: datetime) -> bool:
        """Post what was held, as the webhook names no cost, if the hold is in doubt or was given back wrongly.

        A job that the list had given it is exchanged for the one that the webhook names.
        """
        hold, fields = record.hold, {"hold": record.hold.id, "job": told.job}
        facts = {"source": Source.WEBHOOK.value}
        if record.state not in (State.IN_DOUBT, State.VOIDED):
            cost = hold.amount if record.cost is None else record.cost
            named = Intent(Verb.CAPTURE, hold, told.job, cost, facts)
            return record.job != told.job and await rebind(self.ledger, named, self.clock)
        moved = await self.ledger.move(Verb.CAPTURE, hold, now, job=told.job, cost=hold.amount, facts=facts)
        if moved.outcome is Outcome.JOB_BOUND:
            _LOG.error("a webhook names a job that another hold has", extra={"fields": fields})
        if moved.outcome in _CAPTURED:
            self.telemetry.settled(hold, Source.WEBHOOK)
        if moved.outcome is Outcome.OVERAGE:
            _LOG.error("a webhook tells of a job whose hold was given back", extra={"fields": fields})
        return moved.outcome in _CAPTURED

    async def _pass_on(self, record: HoldRecord, told: JobTold, body: bytes, now: datetime) -> bool:
        """Whoever gave this address for its hold is told of that hold's job, and of no other whatever is said here."""
        hold = record.hold
        if hold.relay_to is None:
            return False
        owner = await self.ledger.owner(told.job)
        if owner is None or owner.hold.id != hold.id:
            fields = {"hold": hold.id, "job": told.job}
            _LOG.error("a webhook tells of a job at another hold's address", extra={"fields": fields})
            return False
        url = hold.relay_to
        return await self.inbox.put(Event(event_id(hold.id), hold.id, told.job, hold.team, now, url, body))


_CAPTURED: Final = frozenset({Outcome.CAPTURED, Outcome.OVERAGE})
_LATE: Final = frozenset({Outcome.FINISHED_LATE, Outcome.REFUNDED_LATE})
_ENDED: Final = frozenset({Outcome.FINISHED, Outcome.REFUNDED, Outcome.ADJUSTED, *_LATE})
