"""What the hold and the move script are asked with: their keys and arguments, in the order that they say.

The rule of this file: it is on the path of every submit, so what does not change between two calls is written once.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument
from gateway.core.account import Demand, RateDemand
from gateway.core.admission import Admission
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import TRANSITIONS, Charge, Flow, Hold, Outcome, State, Step, Verb, shift, steps
from gateway.core.money import MicroUsd
from gateway.core.reply import Reply

Call: TypeAlias = tuple[list[str], list[Argument]]

_INDICES: Final = [keys.OPEN[State.HELD], keys.OPEN[State.IN_DOUBT], keys.OPEN[State.CAPTURED], keys.ENDED]
_FLOWS: Final[Mapping[Verb, tuple[Flow, ...]]] = {
    verb: tuple(sorted({step.flow for step in row.values()} - {Flow.NOTHING})) for verb, row in TRANSITIONS.items()
}


class _Charges(NamedTuple):
    """What the calls of all holds with the same charges have in common.

    `shifts` are a move's arguments for its accounts at no cost, by verb, and where in them the cost counts, how often.
    """

    accounts: list[str]
    text: str
    ends: list[int]
    shifts: Mapping[Verb, tuple[list[Argument], list[tuple[int, int]]]]


class _Terms(NamedTuple):
    """What the admissions of all holds with the same demands, rates and charges have in common; and these, so that they
    stay."""

    charges: tuple[Charge, ...]
    demands: tuple[Demand, ...]
    rates: tuple[RateDemand, ...]
    names: list[str]
    arguments: list[Argument]


class _Text(NamedTuple):
    """What the calls of one hold have in common."""

    key: str
    memory: str
    price: str
    overages: str
    asked: str


# Holds of jobs that are alike carry one and the same tuple of charges; it is kept here with what was written of it.
_KNOWN: Final[dict[int, tuple[tuple[Charge, ...], _Charges]]] = {}
_TERMS: Final[dict[tuple[int, int, int], _Terms]] = {}
_REMEMBERED: Final = 4096


def _of_charges(charges: tuple[Charge, ...]) -> _Charges:
    known = _KNOWN.get(id(charges))
    if known is not None and known[0] is charges:
        return known[1]
    ends = [codec.ends(charge.ends_at) for charge in charges]
    written = _Charges(
        accounts=[keys.account(charge.account) for charge in charges],
        text=codec.encode_charges(charges),
        ends=ends,
        shifts={verb: _shifts(charges, ends, flows) for verb, flows in _FLOWS.items()},
    )
    if len(_KNOWN) >= _REMEMBERED:
        _KNOWN.clear()
    _KNOWN[id(charges)] = (charges, written)
    return written


def _shifts(
    charges: tuple[Charge, ...], ends: list[int], flows: tuple[Flow, ...]
) -> tuple[list[Argument], list[tuple[int, int]]]:
    at_nothing: list[Argument] = []
    costs: list[tuple[int, int]] = []
    for charge, ends_at in zip(charges, ends, strict=True):
        at_nothing.append(ends_at)
        for flow in flows:
            free, dear = shift(charge, flow, 0), shift(charge, flow, 1)
            if free != dear:
                costs.append((len(at_nothing), dear[0] - free[0]))
            at_nothing += free
    return at_nothing, costs


def _of_terms(admission: Admission, charges: _Charges) -> _Terms:
    demands, rates, held = admission.demands, admission.rates, admission.hold.charges
    question = (id(held), id(demands), id(rates))
    known = _TERMS.get(question)
    if known is not None:
        return known
    names = [*charges.accounts, *map(keys.rate, rates)]
    arguments: list[Argument] = [len(demands)]
    for demand, ends_at in zip(demands, charges.ends, strict=True):
        arguments += (demand.amount, demand.ceiling, int(demand.enforced), ends_at)
    for rate in rates:
        arguments += (rate.interval_us, rate.burst)
    if len(_TERMS) >= _REMEMBERED:
        _TERMS.clear()
    return _TERMS.setdefault(question, _Terms(held, demands, rates, names, arguments))


@lru_cache(maxsize=1024)
def _text(hold: Hold) -> _Text:
    return _Text(
        key=keys.hold(hold.id),
        memory=keys.memory(hold),
        price=keys.price(hold),
        overages=keys.overages(hold),
        asked="" if hold.idempotency is None else hold.idempotency.body,
    )


def admission_call(admission: Admission, now: datetime, max_skew_us: int, epoch: str, seen: int) -> Call:
    """For `hold.lua`."""
    hold, text = admission.hold, _text(admission.hold)
    charges = _of_charges(hold.charges)
    names = [keys.STORE, keys.POLICY, keys.key(hold.key), text.key, keys.OPEN[State.HELD], keys.ENTRIES, keys.CLOSED]
    names.append(text.memory)
    arguments: list[Argument] = [
        codec.micros(now),
        max_skew_us,
        epoch,
        seen,
        hold.policy,
        hold.key_revision,
        hold.id,
        hold.attempt,
        hold.digest,
        encode_hold(hold),
        charges.text,
        codec.micros(hold.deadline),
        text.price,
        text.asked,
    ]
    terms = _of_terms(admission, charges)
    return names + terms.names, arguments + terms.arguments


def move_call(
    verb: Verb,
    hold: Hold,
    now: datetime,
    epoch: str,
    seen: int,
    job: str,
    cost: MicroUsd,
    facts: Mapping[str, str],
    reply: Reply | None,
) -> Call:
    """For `move.lua`."""
    text, charges, row = _text(hold), _of_charges(hold.charges), steps(verb, hold, now)
    names = [keys.STORE, text.key, keys.job(job), keys.ENTRIES, *_INDICES, text.memory, text.overages, keys.CLOSED]
    arguments: list[Argument] = [
        codec.micros(now),
        seen,
        hold.id,
        job,
        charges.text,
        _ROWS[verb] if row is TRANSITIONS[verb] else _row(row, _FLOWS[verb]),
        encode_hold(hold),
        hold.attempt,
        hold.digest,
        text.asked,
        text.price,
        b"" if reply is None else codec.encode_reply(reply),
        epoch,
        len(_FLOWS[verb]),
        len(facts),
    ]
    for fact in facts.items():
        arguments += fact
    at_nothing, costs = charges.shifts[verb]
    first = len(arguments)
    arguments += at_nothing
    for place, times in costs:
        arguments[first + place] = times * cost
    return names + charges.accounts, arguments


def _row(row: Mapping[State, Step], flows: tuple[Flow, ...]) -> str:
    return "".join(f";{state}:{_step(step, flows)}" for state, step in row.items())


def _step(step: Step, flows: tuple[Flow, ...]) -> str:
    number = 0 if step.flow is Flow.NOTHING else flows.index(step.flow) + 1
    return f"{step.outcome},{step.becomes or ''},{number},{int(step.outcome is Outcome.ANOMALY)}"


_ROWS: Final = {verb: _row(row, _FLOWS[verb]) for verb, row in TRANSITIONS.items()}
