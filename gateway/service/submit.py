"""One submission, from the authenticated key to the client's answer. Read `Submit.__call__` from top to bottom.

The rule of this file: money is held before a byte leaves, and what became of the submit decides what becomes of the
hold. There is no rollback: a process that dies between hold and capture leaves a hold that is due, which is an
ordinary state with an owner.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.account import Balance, Demand
from gateway.core.admission import Closed, Created, Exists, ModelClosed, OverLimit, OverRate, Skewed, Stale
from gateway.core.hook_token import Relay
from gateway.core.idempotency import Idempotency, idempotency
from gateway.core.job import JobRequest
from gateway.core.ledger import Hold, Outcome, Verb
from gateway.core.money import MicroUsd
from gateway.core.nearest import WouldPass
from gateway.core.outcome import (
    Charged,
    Held,
    Holding,
    InDoubt,
    NotHeld,
    Overloaded,
    StoreDown,
    Submission,
    TurnedDown,
    Unsent,
)
from gateway.core.plan import Ids, Plan, Unplanned, plan, read_job
from gateway.core.pricing import PriceUnknown
from gateway.core.principal import Address, KeyRefused, Principal
from gateway.core.recall import Repeated, Replayed, kept, recalled
from gateway.core.refusal import before, refusal, shadow_refusals
from gateway.core.refused import KEPT
from gateway.core.reply import Accepted, NotSent, Rejected, Unknown, UpstreamResult
from gateway.core.value import value
from gateway.core.webhook_address import AllowedHost
from gateway.ports import (
    Clock,
    Entropy,
    Gate,
    Ledger,
    Outgoing,
    Spool,
    SpoolUnavailable,
    StoreRefused,
    StoreUnavailable,
    Upstream,
)
from gateway.service.keyring import Keyring
from gateway.service.outbox import Intent, Outbox, job_bound
from gateway.service.policy_desk import PolicyDesk

_LOG: Final = logging.getLogger("tollhouse.submit")
_DECISIONS: Final = 3
# See `core/word.py`.
_CAPTURE: Final = Verb.CAPTURE
_JOB_BOUND: Final = Outcome.JOB_BOUND


@value
class Asked:
    """A submit as it arrived: who asks and from where, the raw body, the request's id, and headers to send on.

    `idempotency_key` is the client's, if it sent one.
    """

    principal: Principal
    body: bytes
    request_id: str
    address: Address | None
    headers: Mapping[str, str]
    idempotency_key: str | None = field(default=None, repr=False)


@value
class Submitted:
    """What a submit came to, for which priced model (None: no such), and how many micro-USD were to be held.

    `at` (UTC) is the instant at which it was decided; None of what is no submit. `would_pass` is what would have been
    admitted instead: see `service/nearest.py`.
    """

    submission: Submission
    model: str | None = None
    amount: MicroUsd = 0
    at: datetime | None = None
    would_pass: tuple[WouldPass, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether it may be one of those that are kept: see `core/refused.py`."""
        return type(self.submission) in KEPT


@value
class Ready:
    """Held, and allowed to send exactly these bytes."""

    body: bytes
    holding: Holding


@dataclass(frozen=True, slots=True)
class Submit:
    """The use case and what it works with. `patience` is the upstream's one deadline; test keys meet the sandbox.

    `boot` names this process, from its start to its end. With a `relay` the upstream tells us of each job's end.
    """

    desk: PolicyDesk
    keyring: Keyring
    ledger: Ledger
    upstream: Upstream
    sandbox: Upstream
    outbox: Outbox
    spool: Spool
    clock: Clock
    entropy: Entropy
    patience: timedelta
    guard: Gate
    boot: str
    webhook_hosts: Sequence[AllowedHost] = ()
    relay: Relay | None = None

    async def __call__(self, asked: Asked) -> Submitted:
        now, start = self.clock.now(), self.clock.monotonic()
        job = read_job(asked.body, self.webhook_hosts)
        if not isinstance(job, JobRequest):
            return Submitted(job)
        ids = self._ids(asked, job)
        planned = self._plan(job, asked.principal, ids, now)
        if not isinstance(planned, Plan):
            answered = await self._answered(ids.idempotency) or planned
            return Submitted(answered, None if isinstance(planned, PriceUnknown | StoreDown) else job.model, at=now)
        model, amount = job.model, planned.admission.hold.amount
        upstream = self.sandbox if asked.principal.key.test else self.upstream
        async with upstream.slot() as slot:
            if slot is None:
                return Submitted(Overloaded(), model, amount, now)
            held = await self._hold(job, asked, planned, ids, now)
            if not isinstance(held, Ready):
                return Submitted(held, model, amount, now)
            if (unwritten := await self._write_down(held.holding.hold)) is not None:
                return Submitted(unwritten, model, amount, now)
            sent, deadline = self.clock.monotonic(), start + self.patience.total_seconds()
            result = await slot.submit(Outgoing(held.body, asked.headers, deadline))
            holding = held.holding.answered(self.clock.monotonic() - sent)
        return Submitted(await self._settle(holding, result), model, amount, now)

    def _ids(self, asked: Asked, job: JobRequest) -> Ids:
        key, given = asked.principal.key, asked.idempotency_key
        once = None if given is None else idempotency(given, key.team, job, test=key.test)
        hold, attempt = f"hold_{self.entropy.token(16).hex()}", self.entropy.token(8).hex()
        relay = None if self.relay is None else self.relay.address(hold, test=key.test)
        return Ids(hold, attempt, asked.request_id, self.boot, once, relay)

    def _plan(self, job: JobRequest, principal: Principal, ids: Ids, now: datetime) -> Plan | Unplanned | StoreDown:
        if (closed := self.guard.closed) is not None:
            return StoreDown(closed)
        rules = self.desk.current
        if rules is None:
            return StoreDown("no policy version could be read yet")
        return plan(job, principal, rules, ids, now, self.patience)

    async def _hold(
        self, job: JobRequest, asked: Asked, planned: Plan, ids: Ids, now: datetime
    ) -> Ready | NotHeld | Replayed:
        """Hold what was planned; plan again when key or policy turn out to have changed, twice at most."""
        if not self.spool.room:
            return StoreDown("too many accepted jobs wait for the store to acknowledge them")
        for _ in range(_DECISIONS):
            try:
                reply = await self.ledger.admit(planned.admission, now)
                if isinstance(reply, Exists):
                    return await self._recall(reply)
                if not isinstance(reply, Stale):
                    return _heard(reply, planned)
                again = await self._plan_again(job, asked, ids, now)
            except StoreRefused as error:
                return StoreDown(str(error))
            except StoreUnavailable as error:
                # The hold may stand all the same. It was never sent, so it goes back as soon as the store answers.
                self.outbox.later(Intent(Verb.VOID, planned.admission.hold, facts={"cause": "never_sent"}))
                return StoreDown(str(error))
            if not isinstance(again, Plan):
                return again
            planned = again
        return StoreDown("key or policy changed faster than a submit could be decided")

    async def _write_down(self, hold: Hold) -> StoreDown | None:
        """Note that the hold is about to be sent: without the line, a restart would take it for one that never was."""
        try:
            self.spool.sent(hold.id)
        except SpoolUnavailable as error:
            await self.outbox.move(Intent(Verb.VOID, hold, facts={"cause": "never_sent"}))
            return StoreDown(str(error))
        return None

    async def _recall(self, exists: Exists) -> Repeated | Replayed | StoreDown:
        """What the submit gets that was sent before, as `exists` says."""
        record = await self.ledger.find(exists.hold)
        if record is None:
            return StoreDown(f"{exists.hold} is known and nowhere to be found")
        return recalled(record, same_body=exists.same_body)

    async def _answered(self, once: Idempotency | None) -> Repeated | Replayed | StoreDown | None:
        """The answer that is owed to an idempotency key although, by the rules of now, the job may not run."""
        if once is None:
            return None
        try:
            exists = await self.ledger.bound(once)
            return None if exists is None else await self._recall(exists)
        except StoreUnavailable as error:
            return StoreDown(str(error))

    async def _plan_again(
        self, job: JobRequest, asked: Asked, ids: Ids, now: datetime
    ) -> Plan | Unplanned | StoreDown | KeyRefused:
        kept_out = await self.desk.refresh()
        if kept_out is not None:
            return StoreDown(f"the live policy version {kept_out.version} does not compile here")
        principal = await self.keyring.recheck(asked.principal, asked.address, now)
        return self._plan(job, principal, ids, now) if isinstance(principal, Principal) else principal

    async def _settle(self, holding: Holding, result: UpstreamResult) -> Held:
        hold = holding.hold
        match result:
            case Accepted():
                return await self._capture(holding, result)
            case Rejected(reply):
                await self.outbox.move(Intent(Verb.VOID, hold, facts={"cause": f"refused with {reply.status}"}))
                return TurnedDown(holding, reply)
            case NotSent(cause):
                await self.outbox.move(Intent(Verb.VOID, hold, facts={"cause": f"not sent: {cause}"}))
                return Unsent(holding, cause)
            case Unknown(cause, reply, surprising):
                await self.outbox.move(Intent(Verb.DOUBT, hold, facts={"cause": cause}))
                return InDoubt(holding, cause, reply, surprising)

    async def _capture(self, holding: Holding, accepted: Accepted) -> Charged | InDoubt:
        """Post what the upstream charged. What it did not say, or says unreadably, is posted as it was held."""
        hold = holding.hold
        cost = hold.amount if accepted.cost is None else accepted.cost
        facts = _cost_odds(accepted.cost, hold.amount)
        if accepted.estimated_at is not None:
            facts["estimated_at"] = accepted.estimated_at
        reply = None if hold.idempotency is None else kept(accepted.reply)
        intent = Intent(_CAPTURE, hold, accepted.job_id, cost, facts, reply)
        moved = await self.outbox.capture(intent, self.clock.now())
        if moved is None:
            return Charged(holding, accepted.reply, accepted.job_id, cost)
        if moved.outcome is _JOB_BOUND:
            await self.outbox.move(job_bound(hold))
            return InDoubt(holding, "job id bound to another hold", None, surprising=True)
        if moved.closed:
            _LOG.error("a price was exceeded too often and is closed", extra={"fields": _priced(hold)})
        return Charged(holding.moved(moved.balances), accepted.reply, accepted.job_id, cost)


def _priced(hold: Hold) -> dict[str, str]:
    return {"model": hold.model, "rate_card": hold.rate_card, "hold": hold.id}


def _heard(reply: Created | ModelClosed | OverLimit | OverRate | Skewed | Closed, planned: Plan) -> Ready | NotHeld:
    """What the store's answer to a hold means for the submit. Only `Ready` may be sent."""
    admission = planned.admission
    match reply:
        case Created(balances):
            shadow = _shadow(admission.demands, balances)
            return Ready(planned.sealed.body, Holding(admission.hold, admission.demands, balances, shadow))
        case OverLimit(balances, after):
            return refusal(admission.demands, balances, after) or StoreDown("the store refused a job that had room")
        case OverRate():
            return reply
        case ModelClosed():
            return PriceUnknown(admission.hold.model, admission.hold.version, closed=True)
        case Skewed(by_us):
            return StoreDown(f"our clock and the store's differ by {by_us} microseconds")
        case Closed(reason):
            return StoreDown(f"the store is {reason}")


def _shadow(demands: tuple[Demand, ...], balances: tuple[Balance, ...]) -> tuple[str, ...]:
    """The shadow limits that would have refused a job that is held: `balances` are those with it."""
    if not [demand for demand in demands if not demand.enforced]:
        return ()
    return tuple(one.demand.account.limit for one in shadow_refusals(demands, before(demands, balances)))


def _cost_odds(cost: int | None, held: int) -> dict[str, str]:
    """What an entry says of a cost that is not what was held. Rounding may differ by one micro-USD."""
    if cost is None:
        return {"cost_unknown": "true"}
    return {"overage": str(cost - held)} if cost > held + 1 else {}
