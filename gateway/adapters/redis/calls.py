"""What the hold and the move script are asked with: their keys and arguments, in the order that they say.

The rule of this file: it is on the path of every submit, so what the calls of like holds have in common is written
once, and kept with those for whom it was written.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.words import Argument, Words, pack
from gateway.core.account import Demand, RateDemand
from gateway.core.admission import Admission
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import TRANSITIONS, Charge, Flow, Hold, Outcome, State, Step, Verb, shift, steps
from gateway.core.money import MicroUsd
from gateway.core.reply import Reply

_INDICES: Final = (*keys.OPEN.values(), keys.ENDED)
_FLOWS: Final[Mapping[Verb, tuple[Flow, ...]]] = {
    verb: tuple(sorted({step.flow for step in row.values()} - {Flow.NOTHING})) for verb, row in TRANSITIONS.items()
}
# See `core/word.py`.
_REBIND: Final = Verb.REBIND
# Sums of so small amounts stay exact in the scripts, of however many holds.
_SMALL: Final = 2**40


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the calls for holds that are alike have in common; and that by whose identity they are, so that it stays.

    `together` says whether several of them may be asked about in one call. An admission's have `demands` and `rates`.
    """

    charges: tuple[Charge, ...]
    keys: Words
    arguments: Words
    together: bool
    demands: tuple[Demand, ...] = ()
    rates: tuple[RateDemand, ...] = ()


class Own(NamedTuple):
    """What a call says of one hold."""

    hold: str
    keys: Words
    arguments: Words


class _Text(NamedTuple):
    key: str
    memory: str
    jobs: str
    price: str
    overages: str
    asked: str


# By the identity of what is alike: holds of jobs that are alike carry one and the same tuples.
_TERMS: Final[dict[tuple[object, ...], Terms]] = {}
_REMEMBERED: Final = 4096


def _remember(question: tuple[object, ...], terms: Terms) -> Terms:
    if len(_TERMS) >= _REMEMBERED:
        _TERMS.clear()
    return _TERMS.setdefault(question, terms)


@lru_cache(maxsize=1024)
def _text(hold: Hold) -> _Text:
    return _Text(
        key=keys.hold(hold.id),
        memory=keys.memory(hold),
        jobs=keys.jobs(hold),
        price=keys.price(hold),
        overages=keys.overages(hold),
        asked="" if hold.idempotency is None else hold.idempotency.body,
    )


def admission_call(admission: Admission, now: datetime, max_skew_us: int) -> tuple[Terms, Own]:
    text = _text(admission.hold)
    return _admission_terms(admission, text.price, max_skew_us), _own_admission(admission.hold, text, now)


def _admission_terms(admission: Admission, price: str, max_skew_us: int) -> Terms:
    """Of all admissions with the same demands, charges and rates, by one key under one policy, at one price."""
    hold = admission.hold
    question = (
        id(hold.charges), id(admission.demands), id(admission.rates),
        hold.key, hold.key_revision, hold.policy, price, max_skew_us,
    )  # fmt: skip
    known = _TERMS.get(question)
    if known is not None:
        return known
    demands, rates = admission.demands, admission.rates
    accounts = [keys.account(charge.account) for charge in hold.charges]
    names = [keys.STORE, keys.POLICY, keys.key(hold.key), keys.OPEN[State.HELD], keys.ENTRIES, keys.CLOSED]
    moves = "\n".join(f"{charge.account} 0 {charge.amount}" for charge in hold.charges)
    numbers = [max_skew_us, len(demands), len(rates), *_asked_of(demands, hold.charges)]
    for rate in rates:
        numbers += (rate.interval_us, rate.burst)
    charges = codec.encode_charges(hold.charges)
    return _remember(
        question,
        Terms(
            charges=hold.charges,
            keys=pack(*names, *accounts, *map(keys.rate, rates)),
            arguments=pack(hold.policy, hold.key_revision, charges, price, moves, json.dumps(numbers)),
            together=_sums_are_exact(hold.charges),
            demands=demands,
            rates=rates,
        ),
    )


def _asked_of(demands: tuple[Demand, ...], charges: tuple[Charge, ...]) -> list[int]:
    """Of each account: what is asked of it, here and in all, its ceiling, whether it is enforced, its window's end."""
    in_all = Counter[str]()
    for charge in charges:
        in_all[charge.account] += charge.amount
    numbers: list[int] = []
    for demand, charge in zip(demands, charges, strict=True):
        asked = demand.amount, in_all[charge.account]
        numbers += (*asked, demand.ceiling, int(demand.enforced), codec.ends(charge.ends_at))
    return numbers


def _sums_are_exact(charges: tuple[Charge, ...]) -> bool:
    """Whether it is plain to tell what each of several such holds did to the balances."""
    distinct = len({charge.account for charge in charges}) == len(charges)
    return distinct and all(charge.amount < _SMALL for charge in charges)


def _own_admission(hold: Hold, text: _Text, now: datetime) -> Own:
    return Own(
        hold.id,
        pack(text.key, text.memory),
        pack(
            codec.micros(now),
            hold.id,
            hold.attempt,
            hold.digest,
            encode_hold(hold),
            codec.micros(hold.deadline),
            text.asked,
        ),
    )


def move_call(
    verb: Verb, hold: Hold, now: datetime, job: str, cost: MicroUsd, facts: Mapping[str, str], reply: Reply | None
) -> tuple[Terms, Own]:
    text = _text(hold)
    terms = _move_terms(verb, hold, text, now, cost)
    return terms, _own_move(verb, hold, text, now, job, cost, facts, reply)


def _move_terms(verb: Verb, hold: Hold, text: _Text, now: datetime, cost: MicroUsd) -> Terms:
    """Of this verb for all holds of one team with the same charges, at one price."""
    row = steps(verb, hold, now)
    question = (id(hold.charges), verb, text.price, text.jobs, row is TRANSITIONS[verb], abs(cost) < _SMALL)
    known = _TERMS.get(question)
    if known is not None:
        return known
    charges, flows = hold.charges, _FLOWS[verb]
    words: list[Argument] = [_row(row, flows), codec.encode_charges(charges), text.price, len(charges), len(flows)]
    for charge in charges:
        words.append(codec.ends(charge.ends_at))
        for flow in flows:
            words += _shift(charge, flow)
    names = (keys.STORE, keys.ENTRIES, *_INDICES, text.jobs, keys.CLOSED, text.overages)
    return _remember(
        question,
        Terms(
            charges=charges,
            keys=pack(*names, *(keys.account(charge.account) for charge in charges)),
            arguments=pack(*words),
            together=abs(cost) < _SMALL and _sums_are_exact(charges),
        ),
    )


def _shift(charge: Charge, flow: Flow) -> tuple[Argument, Argument]:
    """How far a flow shifts an account, where what it shifts of `posted` may be what the hold cost."""
    free, dear = shift(charge, flow, 0), shift(charge, flow, 1)
    posted: Argument = free[0] if free == dear else ("cost" if dear[0] > 0 else "-cost")
    return posted, free[1]


def _own_move(
    verb: Verb,
    hold: Hold,
    text: _Text,
    now: datetime,
    job: str,
    cost: MicroUsd,
    facts: Mapping[str, str],
    reply: Reply | None,
) -> Own:
    learnt = _learnt(verb, job, cost, facts)
    memory, asked = text.memory, text.asked
    if verb is _REBIND:
        memory, asked = keys.job(facts["was_job"]), ""
    words: list[Argument] = [
        codec.micros(now),
        hold.id,
        job,
        cost,
        codec.micros(hold.created_at),
        encode_hold(hold),
        hold.attempt,
        hold.digest,
        asked,
        b"" if reply is None else codec.encode_reply(reply),
        len(learnt),
    ]
    for fact in learnt.items():
        words += fact
    return Own(hold.id, pack(text.key, keys.job(job), memory), pack(*words))


def _learnt(verb: Verb, job: str, cost: MicroUsd, facts: Mapping[str, str]) -> Mapping[str, str]:
    """Of a hold that is rebound, `cost` is only what it differs by."""
    if verb is Verb.CAPTURE:
        return {**facts, "job": job, "cost": str(cost)}
    return {**facts, "job": job} if verb is _REBIND else facts


def _row(row: Mapping[State, Step], flows: tuple[Flow, ...]) -> str:
    return "".join(f";{state}:{_step(step, flows)}" for state, step in row.items())


def _step(step: Step, flows: tuple[Flow, ...]) -> str:
    number = 0 if step.flow is Flow.NOTHING else flows.index(step.flow) + 1
    return f"{step.outcome},{step.becomes or ''},{number},{int(step.outcome is Outcome.ANOMALY)}"
