"""How money moves: holds, and the one table of a hold's life.

The rule of this file: a hold moves only as `TRANSITIONS` says, each move happens once, and every move names the
accounts written in the hold when it was admitted. Nothing here reads a policy, a price book or a clock. The store
executes what this file decides; `adapters/redis/lua/move.lua` holds no table of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.account import Balance, Meter
from gateway.core.entry import Entry as Entry
from gateway.core.entry import Move as Move
from gateway.core.idempotency import Idempotency
from gateway.core.money import MicroUsd
from gateway.core.pricing import AppliedFactor
from gateway.core.value import value
from gateway.core.word import Word


@dataclass(frozen=True, slots=True)
class Charge:
    """The part of a demand that a hold carries for its whole life. `ends_at` (UTC) is the end of its window."""

    account: str
    meter: Meter
    amount: int
    ends_at: datetime | None


@value
class Hold:
    """Money and counts set aside for one submit, as written to the store. Carries no prompt and no secret.

    `amount` is the held micro-USD, `quoted` the quoted; they differ only where a price is not a whole number.
    Times are UTC; `attempt` is random per HTTP request. `sender` is the boot of the process that may send it;
    `idempotency` is there if the client sent a key. `relay_to` is the client's webhook address, where it is we who call
    it; its query may hold a secret of the client's. `relayed`: the upstream was told to call us at the end.
    """

    id: str
    attempt: str
    organization: str
    team: str
    key: str
    model: str
    version: str | None
    amount: MicroUsd
    quoted: MicroUsd
    factors: tuple[AppliedFactor, ...]
    rate_card: str
    policy: str
    key_revision: int
    charges: tuple[Charge, ...]
    digest: str
    request_id: str
    created_at: datetime
    deadline: datetime
    test: bool = False
    sender: str = ""
    idempotency: Idempotency | None = None
    relay_to: str | None = field(default=None, repr=False)
    relayed: bool = False

    def __hash__(self) -> int:
        """Cheap, because a hold is looked up often and no two holds have one id."""
        return hash(self.id)


class State(Word):
    """Where a hold is in its life. `none`: the store has never heard of it; `lost`: nobody knows how its job ended."""

    NONE = "none"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    CAPTURED = "captured"
    LOST = "lost"
    FINISHED = "finished"
    REFUNDED = "refunded"
    VOIDED = "voided"


class Verb(Word):
    """What is asked of a hold once it exists. `hold` itself is the admission, in `hold.lua`."""

    CAPTURE = "capture"
    VOID = "void"
    DOUBT = "doubt"
    FINISH = "finish"
    REFUND = "refund"
    ADJUST = "adjust"
    LOSE = "lose"
    REBIND = "rebind"


class Outcome(Word):
    """What came of it. `already`: it had happened, and nothing moved. `anomaly`: a fact that contradicts an end.

    `..._late` is an end after all, of a job that was lost: what it had in flight had come back before.
    """

    CAPTURED = "captured"
    ADOPTED = "adopted"
    OVERAGE = "overage"
    VOIDED = "voided"
    TOMBSTONED = "tombstoned"
    DOUBTED = "doubted"
    FINISHED = "finished"
    REFUNDED = "refunded"
    ADJUSTED = "adjusted"
    REBOUND = "rebound"
    LOST = "lost"
    FINISHED_LATE = "finished_late"
    REFUNDED_LATE = "refunded_late"
    ALREADY = "already"
    MISSING = "missing"
    NOT_YET = "not_yet"
    REFUSED = "refused"
    ANOMALY = "anomaly"
    JOB_BOUND = "job_bound"


class Flow(Word):
    """Which way amounts go in a transition."""

    NOTHING = "nothing"
    POST_HELD = "post_held"
    POST_ANEW = "post_anew"
    RELEASE = "release"
    END = "end"
    RETURN = "return"
    CORRECT = "correct"
    RETURN_MONEY = "return_money"


@dataclass(frozen=True, slots=True)
class Step:
    """One cell of the table: what it is called, where the hold goes (None: it stays), how amounts flow."""

    outcome: Outcome
    becomes: State | None = None
    flow: Flow = Flow.NOTHING


_ALREADY: Final = Step(Outcome.ALREADY)
_MISSING: Final = Step(Outcome.MISSING)
_NOT_YET: Final = Step(Outcome.NOT_YET)
_REFUSED: Final = Step(Outcome.REFUSED)
_ANOMALY: Final = Step(Outcome.ANOMALY)
_CAPTURED: Final = Step(Outcome.CAPTURED, State.CAPTURED, Flow.POST_HELD)
_VOIDED: Final = Step(Outcome.VOIDED, State.VOIDED, Flow.RELEASE)

TRANSITIONS: Final[Mapping[Verb, Mapping[State, Step]]] = {
    Verb.CAPTURE: {
        State.NONE: Step(Outcome.ADOPTED, State.CAPTURED, Flow.POST_ANEW),
        State.HELD: _CAPTURED,
        State.IN_DOUBT: _CAPTURED,
        State.CAPTURED: _ALREADY,
        State.LOST: _ALREADY,
        State.FINISHED: _ALREADY,
        State.REFUNDED: _ALREADY,
        State.VOIDED: Step(Outcome.OVERAGE, State.CAPTURED, Flow.POST_ANEW),
    },
    Verb.VOID: {
        State.NONE: Step(Outcome.TOMBSTONED, State.VOIDED),
        State.HELD: _VOIDED,
        State.IN_DOUBT: _VOIDED,
        State.CAPTURED: _REFUSED,
        State.LOST: _REFUSED,
        State.FINISHED: _REFUSED,
        State.REFUNDED: _REFUSED,
        State.VOIDED: _ALREADY,
    },
    Verb.DOUBT: {
        State.NONE: _MISSING,
        State.HELD: Step(Outcome.DOUBTED, State.IN_DOUBT),
        State.IN_DOUBT: _ALREADY,
        State.CAPTURED: _ALREADY,
        State.LOST: _ALREADY,
        State.FINISHED: _ALREADY,
        State.REFUNDED: _ALREADY,
        State.VOIDED: _REFUSED,
    },
    Verb.FINISH: {
        State.NONE: _MISSING,
        State.HELD: _NOT_YET,
        State.IN_DOUBT: _NOT_YET,
        State.CAPTURED: Step(Outcome.FINISHED, State.FINISHED, Flow.END),
        State.LOST: Step(Outcome.FINISHED_LATE, State.FINISHED),
        State.FINISHED: _ALREADY,
        State.REFUNDED: _ANOMALY,
        State.VOIDED: _REFUSED,
    },
    Verb.REFUND: {
        State.NONE: _MISSING,
        State.HELD: _NOT_YET,
        State.IN_DOUBT: _NOT_YET,
        State.CAPTURED: Step(Outcome.REFUNDED, State.REFUNDED, Flow.RETURN),
        State.LOST: Step(Outcome.REFUNDED_LATE, State.REFUNDED, Flow.RETURN_MONEY),
        State.FINISHED: _ANOMALY,
        State.REFUNDED: _ALREADY,
        State.VOIDED: _REFUSED,
    },
    # Once, and only of a refund whose amount nobody had named: see `service/lifecycle.py`.
    Verb.ADJUST: {
        State.NONE: _MISSING,
        State.HELD: _NOT_YET,
        State.IN_DOUBT: _NOT_YET,
        State.CAPTURED: _NOT_YET,
        State.LOST: _NOT_YET,
        State.FINISHED: _REFUSED,
        State.REFUNDED: Step(Outcome.ADJUSTED, State.REFUNDED, Flow.CORRECT),
        State.VOIDED: _REFUSED,
    },
    # Only of a hold that the list had bound: see `service/rebind.py`.
    Verb.REBIND: {
        State.NONE: _MISSING,
        State.HELD: _NOT_YET,
        State.IN_DOUBT: _NOT_YET,
        State.CAPTURED: Step(Outcome.REBOUND, State.CAPTURED, Flow.CORRECT),
        State.LOST: _ANOMALY,
        State.FINISHED: _ANOMALY,
        State.REFUNDED: _ANOMALY,
        State.VOIDED: _REFUSED,
    },
    Verb.LOSE: {
        State.NONE: _MISSING,
        State.HELD: _NOT_YET,
        State.IN_DOUBT: _NOT_YET,
        State.CAPTURED: Step(Outcome.LOST, State.LOST, Flow.END),
        State.LOST: _ALREADY,
        State.FINISHED: _ALREADY,
        State.REFUNDED: _ALREADY,
        State.VOIDED: _REFUSED,
    },
}


_ADOPTABLE: Final = timedelta(days=7)


def steps(verb: Verb, hold: Hold, now: datetime) -> Mapping[State, Step]:
    """The row of the table for `verb`, at `now` (UTC).

    A hold that the store lost is adopted for seven days; what is older may be long ended and swept, so an operator
    decides.
    """
    row = TRANSITIONS[verb]
    if now - hold.created_at < _ADOPTABLE or row[State.NONE].flow is not Flow.POST_ANEW:
        return row
    return {**row, State.NONE: _MISSING}


def moves(hold: Hold, flow: Flow, cost: MicroUsd) -> tuple[Move, ...]:
    """The shifts that `flow` makes on the accounts of `hold`, one for every charge.

    `cost` (micro-USD) is what the upstream charged or gave back, or, of an adjustment, what is posted again (less than
    nothing: what comes back besides); only money takes it. Counts are posted as they were held and never come back;
    `in_flight` is held from the hold to the end and never posted.
    """
    return tuple(Move(charge.account, *shift(charge, flow, cost)) for charge in hold.charges)


def shift(charge: Charge, flow: Flow, cost: MicroUsd) -> tuple[int, int]:
    """How far `flow` shifts the account of one charge: what is added to `posted` and to `held`."""
    running = charge.meter is Meter.IN_FLIGHT
    final = cost if charge.meter is Meter.USD else charge.amount
    match flow:
        case Flow.NOTHING:
            return 0, 0
        case Flow.POST_HELD:
            return (0, 0) if running else (final, -charge.amount)
        case Flow.POST_ANEW:
            return (0, charge.amount) if running else (final, 0)
        case Flow.RELEASE:
            return 0, -charge.amount
        case Flow.END:
            return 0, -charge.amount if running else 0
        case Flow.RETURN:
            return -cost if charge.meter is Meter.USD else 0, -charge.amount if running else 0
        case Flow.CORRECT:
            return cost if charge.meter is Meter.USD else 0, 0
        case Flow.RETURN_MONEY:
            return -cost if charge.meter is Meter.USD else 0, 0


@value
class Moved:
    """What a verb came to. `balances` are those after it, one for every charge of the hold.

    `closed` when this capture was the overage that closed its model.
    """

    outcome: Outcome
    was: State
    balances: tuple[Balance, ...]
    closed: bool = False
