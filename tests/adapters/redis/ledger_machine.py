"""The state machine that asks the ledger and its model whatever a gateway may ask, in any order."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gateway.adapters.redis import keys
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.admission import Admission
from gateway.core.ledger import Hold, Verb
from gateway.ports import PolicyVersion
from tests.adapters.redis.ledger_wishes import COSTS, KEYS, ROOMY, TICKS, TIGHT, Wish, cost_of, grant, wishes
from tests.adapters.redis.ledger_witness import EPOCH, Act, Admit, Witness
from tests.doubles import SIGNED
from tests.rigs.storage import Storage

_OPEN: Final = ("held", "in_doubt")
_FACTS: Final[tuple[Mapping[str, str], ...]] = ({}, {"cause": "never_sent"}, {"reason": "später 🎬\n1 2", "by": ""})

_PICK: Final = st.integers(0, 2**16)
_TICK: Final = st.sampled_from(TICKS)
_FACT: Final = st.sampled_from(_FACTS)
_COST: Final = st.sampled_from(COSTS)
_TOLD: Final = (Verb.FINISH, Verb.REFUND, Verb.REFUND, Verb.ADJUST, Verb.LOSE)
_SOMETIMES: Final = st.sampled_from((False, False, False, True))


class LedgerMachine(RuleBasedStateMachine):
    """One life of a store, from empty. `known` is every admission ever asked for, by hold id."""

    def __init__(self, storage: Storage, counts: Counter[str]) -> None:
        super().__init__()
        self.witness = Witness(storage.url, counts, storage=storage)
        self.model = self.witness.model
        self.known: dict[str, Admission] = {}
        self.last: tuple[Admit | Act, ...] = ()
        self.now = datetime.now(UTC)

    def teardown(self) -> None:
        self.witness.close()

    def perform(self, *calls: Admit | Act) -> None:
        self.last = calls
        self.witness.perform(*calls)

    # What is asked.

    @initialize(wish=wishes(ROOMY), second=wishes(ROOMY), third=wishes(ROOMY))
    def the_first_start(self, wish: Wish, second: Wish, third: Wish) -> None:
        """A store without an epoch is closed; then it gets one, keeps it whoever else tries, and is open."""
        admission = self._grant(wish)
        self.perform(Admit(admission, self.now))
        self.perform(Act(Verb.CAPTURE, admission.hold, self.now, "job-0", 1))
        for epoch in (EPOCH, "e2"):
            assert self.witness.run(initialise(self.witness.store, Identity(epoch, "acme"))) == Identity(EPOCH, "acme")
        self.model.epoch = EPOCH
        self._publish("p1")
        for key in KEYS:
            self._revise(key)
        self.submit(second, Verb.CAPTURE, "as held")
        self.submit(third, Verb.VOID, "as held")

    @rule(wish=wishes(ROOMY))
    def admit_with_room(self, wish: Wish) -> None:
        self.perform(Admit(self._grant(wish), self.now))

    @rule(wish=wishes(TIGHT))
    def admit_with_little(self, wish: Wish) -> None:
        self.perform(Admit(self._grant(wish), self.now))

    @rule(first=wishes(ROOMY), second=wishes(ROOMY), cost=_COST)
    def submit_two_at_once(self, first: Wish, second: Wish, cost: str) -> None:
        """Both ceilings were computed before either was asked; then both are accepted upstream."""
        grants = self._grant(first), self._grant(second)
        self.perform(*(Admit(one, self.now) for one in grants))
        self.perform(*(self._move(Verb.CAPTURE, one, cost=cost) for one in grants))

    @rule(wish=wishes(TIGHT), several=st.integers(2, 6), verb=st.sampled_from(Verb), cost=_COST)
    def submit_several_alike(self, wish: Wish, several: int, verb: Verb, cost: str) -> None:
        """Several in one tick that ask the same of the same accounts; what becomes of them comes in one tick too."""
        grants = [self._grant(wish) for _ in range(several)]
        self.perform(*(Admit(one, self.now) for one in grants))
        self.perform(*(self._move(verb, one, cost=cost) for one in grants))

    @rule(wish=wishes(ROOMY), verb=st.sampled_from((Verb.CAPTURE, Verb.CAPTURE, Verb.DOUBT)), cost=_COST)
    def submit(self, wish: Wish, verb: Verb, cost: str) -> None:
        """An ordinary submission: held, and then what became of it."""
        admission = self._grant(wish)
        self.perform(Admit(admission, self.now))
        self.perform(self._move(verb, admission, cost=cost))

    @rule(first=wishes(ROOMY), second=wishes(ROOMY), facts=_FACT)
    def submit_two_in_vain(self, first: Wish, second: Wish, facts: Mapping[str, str]) -> None:
        """Two submissions in the same tick, both turned down by the upstream."""
        grants = self._grant(first), self._grant(second)
        self.perform(*(Admit(one, self.now) for one in grants))
        self.perform(*(self._move(Verb.VOID, one, facts=facts) for one in grants))

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, other_attempt=st.booleans(), other_body=_SOMETIMES, at_once=_SOMETIMES)
    def admit_again(self, pick: int, other_attempt: bool, other_body: bool, at_once: bool) -> None:
        admission = self._renew(self._pick(pick, "held"))
        hold = admission.hold
        attempt = f"other of {hold.id}" if other_attempt else hold.attempt
        digest = f"other body of {hold.id}" if other_body else hold.digest
        again = replace(admission, hold=replace(hold, attempt=attempt, digest=digest))
        calls = [Admit(again, self.now), Admit(admission, self.now)]
        self.perform(*calls[: 1 + at_once])

    @rule(wish=wishes(TIGHT), old_policy=st.booleans(), old_key=st.booleans())
    def admit_by_old_rules(self, wish: Wish, old_policy: bool, old_key: bool) -> None:
        admission = self._grant(wish)
        hold = admission.hold
        policy = "p0" if old_policy or not old_key else hold.policy
        old = replace(hold, policy=policy, key_revision=hold.key_revision - old_key)
        self.perform(Admit(replace(admission, hold=old), self.now))

    @rule(wish=wishes(TIGHT), wrong=st.sampled_from(("early", "late", "epoch")))
    def admit_from_another_world(self, wish: Wish, wrong: str) -> None:
        admission = self._grant(wish)
        if wrong == "epoch":
            self.perform(Admit(admission, self.now, epoch="e0"))
        else:
            off = timedelta(days=2) * (1 if wrong == "early" else -1)
            self.perform(Admit(admission, self.now + off, skewed=True))

    @precondition(lambda self: self.known)
    @rule(
        wish=wishes(ROOMY),
        pick=_PICK,
        verbs=st.lists(st.sampled_from(Verb), min_size=1, max_size=4),
        ahead=st.integers(1, 3),
        by_move=st.booleans(),
        again=_SOMETIMES,
    )
    def lose_history(self, wish: Wish, pick: int, verbs: list[Verb], ahead: int, by_move: bool, again: bool) -> None:
        """Whoever has seen more than there is freezes admission; what was admitted still moves, until it thaws."""
        admission, late = self._grant(wish), self._move(verbs[0], self._pick(pick))
        seen = self.model.seq + ahead
        self.perform(replace(late, seen=seen) if by_move else Admit(admission, self.now, seen=seen))
        self.perform(Admit(admission, self.now), replace(late, epoch="e0"))
        for verb in verbs:
            self.perform(self._move(verb, self._pick(pick)))
        if again:
            self.perform(replace(self._move(verbs[-1], self._pick(pick)), seen=self.model.seq + ahead))
        self.witness.thaw(self.now)
        self.perform(Admit(self._renew(admission), self.now))

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, tick=_TICK, cost=_COST, stranger=_SOMETIMES, any_state=_SOMETIMES, overage=st.booleans())
    def capture(self, pick: int, tick: int, cost: str, stranger: bool, any_state: bool, overage: bool) -> None:
        admission = self._pick(pick, *(() if any_state else _OPEN))
        self._tick(tick)
        job = self._job_of_another(admission.hold) if stranger else None
        facts = {"overage": "5"} if overage else {}
        self.perform(self._move(Verb.CAPTURE, admission, cost=cost, job=job, facts=facts))

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, tick=_TICK, facts=_FACT, any_state=_SOMETIMES)
    def void(self, pick: int, tick: int, facts: Mapping[str, str], any_state: bool) -> None:
        self._tick(tick)
        self.perform(self._move(Verb.VOID, self._pick(pick, *(() if any_state else _OPEN)), facts=facts))

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, tick=_TICK, facts=_FACT, any_state=_SOMETIMES)
    def doubt(self, pick: int, tick: int, facts: Mapping[str, str], any_state: bool) -> None:
        self._tick(tick)
        self.perform(self._move(Verb.DOUBT, self._pick(pick, *(() if any_state else _OPEN[:1])), facts=facts))

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, cost=_COST, stranger=_SOMETIMES, back=st.booleans())
    def answer_after_all(self, pick: int, cost: str, stranger: bool, back: bool) -> None:
        """The answer to a submit comes when the list has settled it; once more, and perhaps with the job before."""
        admission = self._pick(pick, "captured")
        job = self._job_of_another(admission.hold) if stranger else None
        before = self._move(Verb.CAPTURE, admission)
        self.perform(self._move(Verb.REBIND, admission, cost=cost, job=job))
        if back:
            self.perform(self._move(Verb.REBIND, admission, job=before.job))

    @precondition(lambda self: self.known)
    @rule(
        pick=_PICK,
        verb=st.sampled_from((Verb.FINISH, Verb.REFUND, Verb.REFUND, Verb.ADJUST, Verb.LOSE, Verb.LOSE)),
        cost=_COST,
        facts=_FACT,
        state=st.sampled_from(
            ("captured", "captured", "lost", "lost", "finished", "refunded", "refunded", "voided"),
        ),
        named=st.booleans(),
    )
    def end(self, pick: int, verb: Verb, cost: str, facts: Mapping[str, str], state: str, named: bool) -> None:
        self.perform(self._move(verb, self._pick(pick, state), cost=cost, facts=facts, named=named))

    @rule(
        wish=wishes(ROOMY),
        charged=_COST,
        told=st.lists(
            st.tuples(st.sampled_from(_TOLD), _COST, st.booleans()),
            min_size=1,
            max_size=5,
        ),
        at_once=st.booleans(),
    )
    def end_however_often(self, wish: Wish, charged: str, told: list[tuple[Verb, str, bool]], at_once: bool) -> None:
        """A job that ends, told of by several, in any order, each with what it knows; together or one by one."""
        admission = self._grant(wish)
        self.perform(Admit(admission, self.now))
        self.perform(self._move(Verb.CAPTURE, admission, cost=charged))
        ends = [self._move(verb, admission, cost=cost, named=named) for verb, cost, named in told]
        for calls in [ends] if at_once else [[end] for end in ends]:
            self.perform(*calls)

    @rule(kind=st.sampled_from(("anomaly", "unowned_job")), subject=st.sampled_from(("job-1", "job-2")), facts=_FACT)
    def note(self, kind: str, subject: str, facts: Mapping[str, str]) -> None:
        self.witness.note(kind, subject, self.now, facts)

    @rule(
        wish=wishes(ROOMY),
        verb=st.sampled_from((Verb.CAPTURE, Verb.VOID, *Verb)),
        days_old=st.sampled_from((0, 0, 6, 7, 8)),
        then=st.sampled_from((None, "admit", *Verb)),
    )
    def move_what_was_never_held(self, wish: Wish, verb: Verb, days_old: int, then: str | None) -> None:
        admission = self._grant(wish)
        old = replace(admission, hold=replace(admission.hold, created_at=self.now - timedelta(days=days_old)))
        self.known[old.hold.id] = old
        calls: list[Admit | Act] = [self._move(verb, old)]
        if then is not None:
            calls.append(Admit(old, self.now) if then == "admit" else self._move(Verb(then), old))
        self.perform(*calls)

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, verbs=st.lists(st.sampled_from(Verb), min_size=2, max_size=3), costs=_COST)
    def move_one_hold_at_once(self, pick: int, verbs: list[Verb], costs: str) -> None:
        admission = self._pick(pick, "held", "in_doubt", "captured")
        self.perform(*(self._move(verb, admission, cost=costs) for verb in verbs))

    @precondition(lambda self: self.last)
    @rule()
    def repeat_the_last(self) -> None:
        """What a gateway does that heard no answer."""
        self.perform(*self.last)

    @rule(wish=wishes(ROOMY), pick=_PICK, verb=st.sampled_from((None, *Verb)), cost=_COST, tick=_TICK)
    def hear_nothing_and_ask_again(self, wish: Wish, pick: int, verb: Verb | None, cost: str, tick: int) -> None:
        """The answer is lost; what is asked again, word for word, must do nothing a second time."""
        if verb is None or not self.known:
            # With a body and a key of its own: an answer that is owed to others is given once, heard or not.
            call: Admit | Act = Admit(self._grant(replace(wish, body=None, once=None)), self.now)
        else:
            call = self._move(verb, self._pick(pick), cost=cost)
        self.witness.perform_unheard(call)
        self._tick(tick)
        self.perform(call)

    @rule(really=_SOMETIMES)
    def restart_the_store(self, really: bool) -> None:
        if really:
            self.witness.restart()

    @rule(key=st.sampled_from((None, *KEYS)))
    def change_the_rules(self, key: str | None) -> None:
        """A new policy version, or a new revision of a key."""
        if key is None:
            self._publish(f"p{int((self.model.policy or 'p0')[1:]) + 1}")
        else:
            self._revise(key)

    @rule(pick=_PICK, refund=st.booleans())
    def sweep_an_account(self, pick: int, refund: bool) -> None:
        """What the sweeper does, long after the window's end, where nothing is held; a refund may come even later."""
        idle = [name for name, (posted, held) in self.model.balances.items() if held == 0 and posted > 0]
        if not idle:
            return
        name = idle[pick % len(idle)]
        self.witness.sweep(name)
        paid = [one for one in self.model.holds.values() if one.state == "captured"]
        late = [one.hold.id for one in paid if name in {charge.account for charge in one.hold.charges}]
        if refund and late:
            self.perform(self._move(Verb.REFUND, self.known[late[0]]))

    # How calls are made.

    def _tick(self, microseconds: int) -> None:
        self.now += timedelta(microseconds=microseconds)

    def _grant(self, wish: Wish) -> Admission:
        self._tick(wish.tick)
        hold_id = f"hold-{len(self.known)}"
        revision = self.model.revisions.get(wish.key, 1)
        admission = grant(wish, hold_id, self.now, self.model.policy or "p1", revision, self.model.balance)
        self.known[hold_id] = admission
        return admission

    def _renew(self, admission: Admission) -> Admission:
        """The same decision under the rules of now."""
        hold = admission.hold
        policy, revision = self.model.policy or "p1", self.model.revisions.get(hold.key, 1)
        return replace(admission, hold=replace(hold, policy=policy, key_revision=revision))

    def _pick(self, pick: int, *states: str) -> Admission:
        """One of those in these states; where there is none, of all that are held or ended; else, of all."""
        ids = [name for name in self.known if self.model.state(name) in states]
        ids = ids or list(self.model.holds) or list(self.known)
        chosen = self.known[ids[pick % len(ids)]]
        kept = self.model.holds.get(chosen.hold.id)
        return chosen if kept is None else replace(chosen, hold=kept.hold)

    def _move(
        self,
        verb: Verb,
        admission: Admission,
        *,
        cost: str = "as held",
        job: str | None = None,
        facts: Mapping[str, str] | None = None,
        named: bool = False,
    ) -> Act:
        hold, kept = admission.hold, self.model.holds.get(admission.hold.id)
        if verb is Verb.CAPTURE:
            job = job or (kept.job if kept and kept.job else f"job of {hold.id}")
            return Act(verb, hold, self.now, job, cost_of(cost, hold.amount), facts or {})
        posted = kept.cost if kept and kept.cost is not None else hold.amount
        if verb is Verb.REBIND:
            charged, was = cost_of(cost, hold.amount), (kept.job if kept else None) or "no job"
            told = {**(facts or {}), "cost": str(charged), "was_job": was, "matched": "answer"}
            return Act(verb, hold, self.now, job or f"second job of {hold.id}", charged - posted, told)
        back = min(cost_of(cost, posted), posted)
        told = {"refunded": str(back), **({"named": "1"} if named else {})}
        if verb is Verb.ADJUST:
            before = kept.refunded if kept and kept.refunded is not None else posted
            return Act(verb, hold, self.now, cost=before - back, facts={**(facts or {}), **told, "named": "1"})
        if verb is Verb.REFUND:
            return Act(verb, hold, self.now, cost=cost_of(cost, posted), facts={**(facts or {}), **told})
        return Act(verb, hold, self.now, facts=facts or {})

    def _job_of_another(self, hold: Hold) -> str:
        others = [job for job, owner in self.model.jobs.items() if owner != hold.id]
        return others[-1] if others else f"job of {hold.id}"

    def _publish(self, version: str) -> None:
        replaces = self.model.policy
        policy = PolicyVersion(version, {"organization.toml": ""})
        assert self.witness.run(RedisPolicies(self.witness.store).publish(policy, replaces, SIGNED))
        assert not self.witness.run(
            RedisPolicies(self.witness.store).publish(PolicyVersion("late", {}), replaces, SIGNED)
        )
        self.model.policy = version

    def _revise(self, key: str) -> None:
        revision = self.model.revisions.get(key, 0) + 1
        self.witness.run(self.witness.store.command("HSET", keys.key(key), "revision", revision))
        self.model.revisions[key] = revision
