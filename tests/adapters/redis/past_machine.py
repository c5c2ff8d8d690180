"""The state machine in which months pass: holds live and end, late facts arrive, and gateways sweep at random."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import SearchStrategy

from gateway.adapters.redis.past import RedisPast
from gateway.core.account import Account, AccountScope, Demand, Meter
from gateway.core.admission import Admission
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Entry, Verb
from gateway.core.money import MAX_AMOUNT
from gateway.core.retention import Swept, horizon
from tests.adapters.redis import holds
from tests.adapters.redis.ledger_model import micros
from tests.adapters.redis.ledger_witness import EPOCH, Act, Admit, Witness
from tests.adapters.redis.past_model import PastModel
from tests.adapters.redis.snapshot import Snapshot

# Whoever rebinds a hold has just read which job it had: it is not heard late, nor of a hold that is gone.
_HEARD: Final = [verb for verb in Verb if verb is not Verb.REBIND]
_PICK: Final = st.integers(0, 2**16)
AGES: Final = timedelta(days=20_000)
DAY: Final = timedelta(days=1)
WINDOWS: Final = ("day", "jobs", "month", "month", "total", "running")
# Whoever's clock is this far behind may be heard when a job ends. Nothing here expires by the store's own clock.
BEHIND: Final = timedelta(days=200)


def account(window: str, now: datetime) -> tuple[Account, datetime | None]:
    """The account of that window at `now`, and when the window ends."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match window:
        case "day":
            return Account(AccountScope.TEAM, "red", "daily", Meter.USD, f"{day:%Y-%m-%d}"), day + DAY
        case "jobs":
            return Account(AccountScope.TEAM, "red", "jobs", Meter.JOBS, f"{day:%Y-%m-%d}"), day + DAY
        case "month":
            end = (day.replace(day=1) + 32 * DAY).replace(day=1)
            return Account(AccountScope.TEAM, "red", "spend", Meter.USD, f"{day:%Y-%m}"), end
        case "total":
            return Account(AccountScope.ORGANIZATION, "acme", "ever", Meter.USD, "total"), None
        case _:
            return Account(AccountScope.KEY, "k1", "running", Meter.IN_FLIGHT, ""), None


@dataclass(frozen=True, slots=True)
class Life:
    """One submit and what is heard of it at once: nothing, or moves in this order. `held` is whether it is admitted."""

    windows: tuple[str, ...]
    amount: int
    verbs: tuple[Verb, ...]
    once: str | None
    body: str | None
    held: bool


LIVES: Final[SearchStrategy[Life]] = st.builds(
    Life,
    windows=st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=4, unique=True).map(tuple),
    amount=st.sampled_from((700_000, 700_000, 0, 0, 1)),
    verbs=st.sampled_from(
        (
            *((), (Verb.VOID,), (Verb.DOUBT,), (Verb.DOUBT,), (Verb.DOUBT, Verb.CAPTURE), (Verb.CAPTURE,)),
            *((Verb.CAPTURE, Verb.FINISH), (Verb.CAPTURE, Verb.FINISH), (Verb.CAPTURE, Verb.REFUND)),
        )
    ),
    once=st.sampled_from((None, None, "once-1", "once-2")),
    body=st.sampled_from((None, None, "body-1")),
    held=st.sampled_from((True, True, True, True, False)),
)


class PastWitness(Witness):
    """Knows as well what waits to be swept, and up to where accounts were."""

    model: PastModel

    def __init__(self, url: str, counts: Counter[str]) -> None:
        super().__init__(url, counts, PastModel(), AGES)
        self.gateways = [RedisPast(self.store, AGES), RedisPast(self.store, AGES)]

    def open(self) -> None:
        self.run(holds.open_ledger(self.store))
        self.model.epoch, self.model.policy, self.model.revisions = EPOCH, "p1", {"k1": 1}

    def sweep_holds(self, now: datetime, limit: int, gateways: int) -> Swept:
        asked = [one.sweep_holds(now, horizon(now), limit) for one in self.gateways[:gateways]]
        return self._swept(self.model.sweep_holds(now, limit), self.run(_all(asked)))

    def sweep_accounts(self, now: datetime, limit: int, gateways: int) -> Swept:
        asked = [one.sweep_accounts(now, horizon(now), limit) for one in self.gateways[:gateways]]
        return self._swept(self.model.sweep_accounts(now, limit), self.run(_all(asked)))

    def _swept(self, right: Swept, answers: list[Swept]) -> Swept:
        """Each that goes goes once, whoever asked for it; nothing else has changed."""
        for name in self.model.swept:
            self._folded.pop(name, None)
        assert sum(answer.gone for answer in answers) == right.gone
        assert answers[0].found == right.found
        self.run(self._check(set()))
        return right

    def _fold(self, new: list[Entry]) -> None:
        """By the entries alone, and up to where accounts were swept: none of these is there."""
        super()._fold(new)
        for name in [name for name in self._folded if name not in self.model.balances]:
            assert self.model.never_again(name)
            del self._folded[name]

    def _compare(self, seen: Snapshot) -> None:
        assert seen.past == self.model.listed
        assert int(seen.store.get("swept", 0)) == self.model.swept_to
        assert not [name for name, (posted, held) in self.model.balances.items() if posted < 0 or held < 0]
        super()._compare(seen)


async def _all(asked: list[Coroutine[Any, Any, Swept]]) -> list[Swept]:
    return list(await asyncio.gather(*asked))


class PastMachine(RuleBasedStateMachine):
    """One life of a store, from empty, over years. `known` is every hold ever thought of, by id."""

    def __init__(self, url: str, counts: Counter[str]) -> None:
        super().__init__()
        self.witness = PastWitness(url, counts)
        self.witness.open()
        self.model = self.witness.model
        self.counts = counts
        self.known: dict[str, Admission] = {}
        # Far enough ahead that nothing expires by the store's own clock.
        self.now = datetime.now(UTC) + 2 * BEHIND

    def teardown(self) -> None:
        self.counts["late more"] += self.model.late["more"]
        self.counts["late less"] += self.model.late["less"]
        self.witness.close()

    @initialize(lives=st.lists(LIVES, min_size=3, max_size=6))
    def begin(self, lives: list[Life]) -> None:
        self.live(lives)

    @rule(lives=st.lists(LIVES, min_size=1, max_size=4))
    def live(self, lives: list[Life]) -> None:
        for life in lives:
            self.now += timedelta(seconds=1)
            admission = self._grant(life)
            if life.held:
                self.witness.perform(Admit(admission, self.now))
            for verb in life.verbs:
                self.witness.perform(self._move(verb, admission))

    @rule(
        days=st.sampled_from((1, 20, 60, 89, 90, 91, 200)),
        micros=st.sampled_from((-1, 0, 1)),
        sweeping=st.sampled_from(("nobody", "a little", "clean")),
        limit=st.sampled_from((1, 2, 100)),
        gateways=st.sampled_from((1, 2)),
    )
    def time_passes(self, days: int, micros: int, sweeping: str, limit: int, gateways: int) -> None:
        self.now += timedelta(days=days, microseconds=micros)
        if sweeping == "a little":
            self._sweep(limit, gateways)
        if sweeping == "clean":
            while self._sweep(100, gateways):
                pass
            self.counts["swept clean"] += 1
            self._assert_that_nothing_old_is_left()

    @precondition(lambda self: self._in("held", "in_doubt", "captured"))
    @rule(
        pick=_PICK,
        refund=st.booleans(),
        more=st.sampled_from((0, 1_000)),
        behind=st.sampled_from((False, False, True)),
    )
    def something_comes_to_an_end(self, pick: int, refund: bool, more: int, behind: bool) -> None:
        """Of what is open the next is heard; an end also by somebody whose clock is far behind."""
        names = self._in("held", "in_doubt", "captured")
        admission = self.known[names[pick % len(names)]]
        if self.model.state(admission.hold.id) == "captured":
            verb = Verb.REFUND if refund else Verb.FINISH
        else:
            verb = Verb.VOID if refund else Verb.CAPTURE
        move = self._move(verb, admission, more)
        self.witness.perform(replace(move, now=self.now - BEHIND) if behind and verb is not Verb.CAPTURE else move)

    @precondition(lambda self: self.known)
    @rule(pick=_PICK, verb=st.sampled_from(_HEARD), more=st.sampled_from((0, 1_000)), gone=st.booleans())
    def anything_is_heard(self, pick: int, verb: Verb, more: int, gone: bool) -> None:
        """Of holds that are there, and of such as are not any more, or never were."""
        names = [name for name in self.known if (name in self.model.holds) is not gone] or list(self.known)
        self.witness.perform(self._move(verb, self.known[names[pick % len(names)]], more))

    def _sweep(self, limit: int, gateways: int) -> int:
        """How many there were to look at."""
        before = len(self.model.listed)
        swept_holds = self.witness.sweep_holds(self.now, limit, gateways)
        swept_accounts = self.witness.sweep_accounts(self.now, limit, gateways)
        self.counts["steps"] += 2
        self.counts["holds gone"] += swept_holds.gone
        self.counts["holds put right"] += swept_holds.found - swept_holds.gone
        self.counts["accounts gone"] += swept_accounts.gone
        self.counts["accounts that hold"] += swept_accounts.found - swept_accounts.gone
        self.counts["accounts listed"] += max(0, len(self.model.listed) - before)
        return swept_holds.found + swept_accounts.found

    def _assert_that_nothing_old_is_left(self) -> None:
        """The promise itself, without the model's own bookkeeping."""
        old = micros(horizon(self.now))
        for kept in self.model.holds.values():
            if kept.state in {"finished", "refunded", "voided"} and not kept.tombstone:
                assert max(kept.score, micros(kept.hold.created_at)) > old
        assert all(end > old for end in self.model.listed.values())

    # How calls are made.

    def _in(self, *states: str) -> list[str]:
        return [name for name in self.known if self.model.state(name) in states]

    def _grant(self, life: Life) -> Admission:
        hold_id = f"hold-{len(self.known)}"
        demands = []
        for window in life.windows:
            found, ends_at = account(window, self.now)
            amount = life.amount if found.meter is Meter.USD else 1
            demands.append(Demand(found, amount, MAX_AMOUNT, True, window, ends_at))
        body = life.body or f"body-of-{hold_id}"
        once = None if life.once is None else Idempotency(life.once, f"asked-{body}")
        admission = holds.admission(
            hold_id,
            *demands,
            amount=life.amount,
            quoted=life.amount,
            created_at=self.now,
            deadline=self.now + timedelta(seconds=90),
            digest=body,
            idempotency=once,
        )
        self.known[hold_id] = admission
        return admission

    def _move(self, verb: Verb, admission: Admission, more: int = 0) -> Act:
        hold, kept = admission.hold, self.model.holds.get(admission.hold.id)
        facts: Mapping[str, str] = {}
        if verb is Verb.CAPTURE:
            job = kept.job if kept and kept.job else f"job-of-{hold.id}"
            return Act(verb, hold, self.now, job, hold.amount + more, facts)
        posted = kept.cost if kept and kept.cost is not None else hold.amount
        return Act(verb, hold, self.now, cost=posted if verb is Verb.REFUND else 0, facts=facts)
