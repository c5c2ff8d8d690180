"""One submission without HTTP: the order of its steps, and that nothing but a hold just made lets a byte leave."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.system import SystemEntropy
from gateway.core import outcome
from gateway.core.acceptance import Acceptance
from gateway.core.account import Account, AccountScope, Balance, RateDemand
from gateway.core.admission import Admission, AdmissionReply, Closed, ModelClosed, OverLimit, OverRate, Skewed, Stale
from gateway.core.job import Malformed
from gateway.core.ledger import Hold, Moved, Outcome, State, Verb
from gateway.core.outcome import Broken, Charged, InDoubt, Overloaded, StoreDown, TurnedDown, Unsent
from gateway.core.policy import ModelNotAllowed
from gateway.core.pricing import InputRefused, PriceUnknown
from gateway.core.principal import KeyFault, KeyRefused, Principal
from gateway.core.recall import HoldRecord
from gateway.core.refusal import Refusal
from gateway.core.reply import NotSent, Rejected, Reply, Unknown, UpstreamResult
from gateway.core.webhook_address import BadAddress
from gateway.ports import Outgoing, StoreRefused, StoreUnavailable
from gateway.service.outbox import Outbox
from gateway.service.submit import Asked, Submit
from tests.doubles import Doorkeeper, MemorySpool
from tests.service.workshop import COST, EPOCH, Told, Workshop, accepted, workshop
from tests.walkthrough.house import SLUG
from tests.walkthrough.policies import allow, budget, team

BODY = b'{"model":"%s","input":{"prompt":"a dog"}}' % SLUG.encode()
PATIENCE = timedelta(seconds=30)
REFUSAL = Reply(400, {}, b'{"error":{"code":"INVALID_INPUT"}}')


@dataclass(slots=True)
class Says:
    """A ledger that answers holds with these replies, the last one for ever, and keeps what it was asked."""

    replies: Sequence[AdmissionReply | StoreUnavailable]
    holds: list[tuple[Admission, datetime]] = field(default_factory=list)
    moves: list[tuple[Verb, str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def witness(self) -> None:
        return None

    async def admit(self, admission: Admission, now: datetime) -> AdmissionReply:
        self.holds.append((admission, now))
        reply = self.replies[min(len(self.holds), len(self.replies)) - 1]
        if isinstance(reply, StoreUnavailable):
            raise reply
        return reply

    async def move(
        self,
        verb: Verb,
        hold: Hold,
        now: datetime,
        *,
        job: str = "",
        cost: int = 0,
        facts: Mapping[str, str] | None = None,
        reply: Reply | None = None,
    ) -> Moved:
        self.moves.append((verb, hold.id, facts or {}))
        return Moved(Outcome.TOMBSTONED, State.NONE, ())

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        raise AssertionError("a submit reads no balance by itself")

    async def find(self, hold_id: str) -> HoldRecord | None:
        raise AssertionError("a submit looks for no hold")


class Noting(RedisLedger):
    """The real ledger, which also writes down in `events` when it was asked."""

    def __init__(self, store: Store, events: list[str]) -> None:
        super().__init__(store, EPOCH)
        self._events = events

    async def admit(self, admission: Admission, now: datetime) -> AdmissionReply:
        self._events.append("hold")
        return await super().admit(admission, now)

    async def move(self, verb: Verb, hold: Hold, now: datetime, **given: Any) -> Moved:
        self._events.append(verb)
        return await super().move(verb, hold, now, **given)


def submitting(room: Workshop, upstream: Told, **others: Any) -> Submit:
    spool = others.get("spool", MemorySpool())
    parts: dict[str, Any] = {
        "desk": room.desk,
        "keyring": room.keyring,
        "ledger": room.ledger,
        "upstream": upstream,
        "sandbox": Told(),
        "outbox": Outbox(others.get("ledger", room.ledger), spool, room.clock),
        "spool": spool,
        "clock": room.clock,
        "entropy": SystemEntropy(),
        "patience": PATIENCE,
        "guard": Doorkeeper(),
        "boot": "boot-1",
    }
    return Submit(**{**parts, **others})


def asked(principal: Principal, body: bytes = BODY) -> Asked:
    return Asked(principal, body, "req_1", None, {"X-Request-Id": "req_1"})


async def test_a_guard_that_is_closed_lets_nothing_through(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    submit = submitting(room, told, guard=Doorkeeper("the store is a replica"))
    submitted = await submit(asked(await room.principal()))
    assert submitted.submission == StoreDown("the store is a replica")
    assert told.events == []
    assert await store.command("XLEN", keys.ENTRIES) == 0


async def test_slot_then_hold_then_send_then_the_move(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    submit = submitting(room, told, ledger=Noting(store, told.events))

    submitted = await submit(asked(await room.principal()))

    # The place is free again before the capture: a slow store keeps nobody from the upstream.
    assert told.events == ["slot", "hold", "sent", "slot free", "capture"]
    assert isinstance(submitted.submission, Charged)
    assert (submitted.model, submitted.amount, submitted.submission.cost) == (SLUG, COST, COST)


async def test_what_is_sent_is_the_canonical_body_within_one_deadline(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    before = room.clock.monotonic()
    submitted = await submitting(room, told)(asked(await room.principal()))
    [sent] = told.sent
    assert sent.body == (
        b'{"input":{"duration":"5","has_sound":"false","prompt":"a dog"},"model":"%s"}' % SLUG.encode()
    )
    assert sent.headers == {"X-Request-Id": "req_1"}
    assert before + 30 <= sent.deadline <= room.clock.monotonic() + 30
    assert isinstance(submitted.submission, Charged)
    hold = submitted.submission.holding.hold
    assert hold.deadline - hold.created_at == PATIENCE


@pytest.mark.parametrize(
    ("result", "kind", "state", "posted", "held"),
    [
        (accepted(), Charged, "captured", COST, 0),
        (accepted(cost=None), Charged, "captured", COST, 0),
        (accepted(cost=7), Charged, "captured", 7, 0),
        (Rejected(REFUSAL), TurnedDown, "voided", 0, 0),
        (NotSent("ClientConnectorError"), Unsent, "voided", 0, 0),
        (Unknown("TimeoutError"), InDoubt, "in_doubt", 0, COST),
        (Unknown("status 500", REFUSAL), InDoubt, "in_doubt", 0, COST),
    ],
)
async def test_what_became_of_the_submit_decides_what_becomes_of_the_hold(
    store: Store, result: UpstreamResult, kind: type, state: str, posted: int, held: int
) -> None:
    room = await workshop(store, team(budget("5.00")))
    submitted = await submitting(room, Told(result))(asked(await room.principal()))

    ended = submitted.submission
    assert isinstance(ended, Charged | TurnedDown | Unsent | InDoubt)
    assert isinstance(ended, kind)
    hold = ended.holding.hold
    found = await room.ledger.find(hold.id)
    assert found is not None
    assert (found.state, found.hold) == (state, hold)
    accounts = [demand.account for demand in ended.holding.demands]
    assert await room.ledger.balances(accounts) == (Balance(posted, held),) * 2


async def test_no_slot_no_hold(store: Store) -> None:
    room, told, ledger = await workshop(store, team()), Told(slots=0), Says([])
    submitted = await submitting(room, told, ledger=ledger)(asked(await room.principal()))
    assert submitted.submission == Overloaded()
    assert (ledger.holds, told.events) == ([], ["no slot"])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (OverLimit((Balance(10**12, 0),) * 2), Refusal),
        (OverRate(RateDemand("submits", AccountScope.TEAM, "video", 1, 1), 5), OverRate),
        (ModelClosed(), PriceUnknown),
        (Skewed(3_000_000), StoreDown),
        (Closed("frozen"), StoreDown),
        (Stale(), StoreDown),
        (StoreUnavailable("no answer"), StoreDown),
    ],
)
async def test_nothing_but_a_hold_just_made_permits_sending(
    store: Store, reply: AdmissionReply | StoreUnavailable, kind: type
) -> None:
    room, told = await workshop(store, team(budget("5.00"))), Told()
    submitted = await submitting(room, told, ledger=Says([reply]))(asked(await room.principal()))
    assert isinstance(submitted.submission, kind)
    assert told.events == ["slot", "slot free"]


async def test_what_is_decided_before_the_store_never_asks_it_nor_waits_for_a_slot(store: Store) -> None:
    room = await workshop(store, team(allow(models=["kling/*"])))
    principal = await room.principal()
    other = b"bytedance-plus/seedream-v4.5/text-to-image"
    wrong: dict[bytes, type] = {
        b"{": Malformed,
        b'{"model":"a/b/c","input":{}}': PriceUnknown,
        BODY.replace(SLUG.encode(), other): ModelNotAllowed,
        BODY.replace(b'"prompt"', b'"duration"'): InputRefused,
        BODY[:-1] + b',"webhookUrl":"http://127.0.0.1/"}': BadAddress,
    }
    for body, kind in wrong.items():
        told, ledger = Told(), Says([])
        submitted = await submitting(room, told, ledger=ledger)(asked(principal, body))
        assert isinstance(submitted.submission, kind)
        assert (told.events, ledger.holds) == ([], [])
        # A slug that anybody can make up must not become a label of a metric.
        assert submitted.model in (None, SLUG, other.decode())
        assert (submitted.model is None) == (kind in (Malformed, PriceUnknown, BadAddress))


async def test_a_hold_whose_answer_was_lost_is_voided_as_soon_as_the_store_answers(store: Store) -> None:
    room, told, ledger = await workshop(store, team()), Told(), Says([StoreUnavailable("no answer")])
    outbox = Outbox(ledger, MemorySpool(), room.clock)
    submitted = await submitting(room, told, ledger=ledger, outbox=outbox)(asked(await room.principal()))
    assert submitted.submission == StoreDown("no answer")
    assert (len(outbox), ledger.moves) == (1, [])

    await outbox.flush()

    [(admission, _)] = ledger.holds
    assert ledger.moves == [(Verb.VOID, admission.hold.id, {"cause": "never_sent"})]


async def test_a_capture_that_the_store_did_not_hear_is_made_later(store: Store) -> None:
    room, told = await workshop(store, team(budget("5.00"))), Told()

    class Deaf(RedisLedger):
        async def move(self, *given: Any, **named: Any) -> Moved:
            raise StoreUnavailable("no answer")

    outbox = Outbox(Deaf(store, EPOCH), MemorySpool(), room.clock)
    submitted = await submitting(room, told, outbox=outbox)(asked(await room.principal()))

    assert isinstance(submitted.submission, Charged)
    holding = submitted.submission.holding
    # What is told of the balance is what was heard last, with this job held.
    assert holding.balances == (Balance(0, COST),) * 2
    assert len(outbox) == 1


async def test_a_store_that_said_no_made_no_hold_to_void(store: Store) -> None:
    room, told, ledger = await workshop(store, team()), Told(), Says([StoreRefused("OOM")])
    outbox = Outbox(ledger, MemorySpool(), room.clock)
    submitted = await submitting(room, told, ledger=ledger, outbox=outbox)(asked(await room.principal()))
    assert submitted.submission == StoreDown("OOM")
    assert len(outbox) == 0


async def test_a_hold_is_written_down_before_it_is_sent_and_its_acceptance_before_it_is_captured(store: Store) -> None:
    room, told = await workshop(store, team()), Told()

    class Watched(MemorySpool):
        def _write(self, hold_id: str, line: object) -> None:
            told.events.append("line")

    submit = submitting(room, told, ledger=Noting(store, told.events), spool=Watched())
    await submit(asked(await room.principal()))
    assert told.events == ["slot", "hold", "line", "sent", "slot free", "line", "capture"]


async def test_an_acceptance_says_all_that_its_capture_needs_and_is_let_go_when_captured(store: Store) -> None:
    room, spool = await workshop(store, team()), MemorySpool()
    submitted = await submitting(room, Told(accepted("job_7", COST + 5)), spool=spool)(asked(await room.principal()))
    assert isinstance(submitted.submission, Charged)
    hold = submitted.submission.holding.hold
    [sent, acceptance] = spool.lines
    assert isinstance(acceptance, Acceptance)
    assert (sent, acceptance.hold) == (hold.id, hold)
    assert (acceptance.job, acceptance.cost, acceptance.facts) == ("job_7", COST + 5, {"overage": "5"})
    assert spool.open == set()
    # The store has it: a line in the system's hands is enough.
    assert spool.synced == 0


async def test_an_acceptance_that_the_store_did_not_hear_is_on_disk_before_anybody_is_answered(store: Store) -> None:
    room, spool = await workshop(store, team()), MemorySpool()

    class Deaf(RedisLedger):
        async def move(self, *given: Any, **named: Any) -> Moved:
            raise StoreUnavailable("no answer")

    outbox = Outbox(Deaf(store, EPOCH), spool, room.clock)
    await submitting(room, Told(), outbox=outbox, spool=spool)(asked(await room.principal()))
    assert spool.synced == len(spool.lines) == 2
    assert len(spool.open) == 1


async def test_without_a_line_nothing_is_sent_and_without_room_nothing_is_held(store: Store) -> None:
    room, told, spool = await workshop(store, team(budget("5.00"))), Told(), MemorySpool()
    principal = await room.principal()
    spool.broken = True
    submitted = await submitting(room, told, spool=spool)(asked(principal))
    assert submitted.submission == StoreDown("no space is left")
    assert told.sent == []
    voided = [entry.kind for entry in await room.ledger.entries()]
    assert voided == ["hold", "voided"]

    spool.broken, spool.room = False, False
    assert isinstance((await submitting(room, told, spool=spool)(asked(principal))).submission, StoreDown)
    assert len(await room.ledger.entries()) == 2


async def test_a_job_is_captured_although_its_line_could_not_be_written(store: Store) -> None:
    room, spool = await workshop(store, team()), MemorySpool()

    class Breaking(Told):
        async def submit(self, outgoing: Outgoing) -> UpstreamResult:
            spool.broken = True
            return accepted()

    submitted = await submitting(room, Breaking(), spool=spool)(asked(await room.principal()))
    assert isinstance(submitted.submission, Charged)
    assert (await room.ledger.entries())[-1].kind == "captured"


async def test_a_policy_that_changed_meanwhile_decides_with_the_same_hold(store: Store) -> None:
    room, told = await workshop(store, team(budget("5.00"))), Told()
    principal = await room.principal()
    await room.publish(team(budget("0.30")))

    submitted = await submitting(room, told)(asked(principal))

    refused = submitted.submission
    assert isinstance(refused, Refusal)
    assert refused.named.demand.ceiling == 300_000
    assert told.sent == []

    await room.publish(team(budget("5.00"), owner="leads@example.com"))
    submitted = await submitting(room, told)(asked(principal))
    assert isinstance(submitted.submission, Charged)
    assert room.desk.current is not None
    assert submitted.submission.holding.hold.policy == room.desk.current.version


async def test_a_policy_that_changed_to_allow_less_is_obeyed(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    principal = await room.principal()
    await room.publish(team(allow(models=["google/*"])))
    submitted = await submitting(room, told)(asked(principal))
    assert submitted.submission == ModelNotAllowed(SLUG, AccountScope.TEAM, ("google/*",))
    assert told.sent == []


async def test_a_key_revoked_between_door_and_hold_opens_nothing(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    principal = await room.principal()
    await room.keyring.revoke(principal.key.id)
    submitted = await submitting(room, told)(asked(principal))
    assert submitted.submission == KeyRefused(KeyFault.REVOKED)
    assert told.sent == []


async def test_it_is_decided_three_times_at_most_and_is_the_same_submit_each_time(store: Store) -> None:
    room, told, ledger = await workshop(store, team()), Told(), Says([Stale()])
    submitted = await submitting(room, told, ledger=ledger)(asked(await room.principal()))

    assert isinstance(submitted.submission, StoreDown)
    assert len(ledger.holds) == 3
    holds = [admission.hold for admission, _ in ledger.holds]
    assert len({(hold.id, hold.attempt) for hold in holds}) == 1
    assert len({now for _, now in ledger.holds} | {hold.created_at for hold in holds}) == 1
    assert told.sent == []


async def test_a_live_version_that_does_not_compile_admits_nothing(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    principal = await room.principal()
    await store.command("SET", keys.policy("broken"), '{"organization.toml": "schema = 2"}')
    await store.command("SET", keys.POLICY, "broken")
    submitted = await submitting(room, told)(asked(principal))
    assert submitted.submission == StoreDown("the live policy version broken does not compile here")
    assert told.sent == []


async def test_a_frozen_store_and_a_clock_that_is_off_admit_nothing(store: Store) -> None:
    room, told = await workshop(store, team()), Told()
    principal = await room.principal()

    class Ahead:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(seconds=3)

        def monotonic(self) -> float:
            return room.clock.monotonic()

    submitted = await submitting(room, told, clock=Ahead())(asked(principal))
    assert isinstance(submitted.submission, StoreDown)
    assert re.fullmatch(r"our clock and the store's differ by (2|3)\d{6} microseconds", submitted.submission.reason)

    await store.command("HSET", keys.STORE, "frozen", "history lost")
    submitted = await submitting(room, told)(asked(principal))
    assert submitted.submission == StoreDown("the store is frozen")
    assert told.sent == []
    assert [name async for name in store.client.scan_iter(match=keys.hold("*"))] == []


async def test_test_keys_meet_the_sandbox_and_have_accounts_of_their_own(store: Store) -> None:
    room, real, sandbox = await workshop(store, team(budget("0.35"))), Told(), Told(accepted("job_of_sandbox"))
    submit = submitting(room, real, sandbox=sandbox)
    test, live = await room.principal(test=True), await room.principal()

    assert isinstance((await submit(asked(test))).submission, Charged)
    assert (len(real.sent), len(sandbox.sent)) == (0, 1)
    # The budget of real money is untouched by it.
    assert isinstance((await submit(asked(live))).submission, Charged)
    assert (len(real.sent), len(sandbox.sent)) == (1, 1)
    assert isinstance((await submit(asked(test))).submission, Refusal)
    assert isinstance((await submit(asked(live))).submission, Refusal)


async def test_a_shadow_limit_that_would_have_refused_is_told(store: Store) -> None:
    shadow = budget("0.35", "would-refuse", mode="shadow")
    room, told = await workshop(store, team(budget("5.00"), shadow)), Told()
    submit, principal = submitting(room, told), await room.principal()
    for job, expected in (("job_1", ()), ("job_2", ("would-refuse",))):
        told.result = accepted(job)
        submitted = await submit(asked(principal))
        assert isinstance(submitted.submission, Charged)
        assert submitted.submission.holding.shadow == expected


async def test_a_body_that_would_not_be_what_was_priced_is_not_sent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, told, ledger = await workshop(store, team()), Told(), Says([])
    monkeypatch.setattr("gateway.core.job.write_object", lambda _document: BODY.replace(b"a dog", b"a cat"))
    submitted = await submitting(room, told, ledger=ledger)(asked(await room.principal()))
    assert submitted.submission == Broken("the body to send does not read as what was priced")
    assert (told.events, ledger.holds) == ([], [])


def test_every_end_of_a_submission_has_a_name_for_metrics_and_logs() -> None:
    ends = set(get_args(outcome.Submission))
    assert len(ends) > 15
    assert ends == set(outcome._LABELS)
    assert all(re.fullmatch("[a-z_]+", name) for name in outcome._LABELS.values())
    assert outcome.label(Overloaded()) == "overloaded"
