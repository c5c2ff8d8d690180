"""What the hold and the move script are asked with: their keys and arguments, in the order that they say.

The rule of this file: it is on the path of every submit, so what does not change between two calls is written once.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument
from gateway.core.admission import Admission
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import TRANSITIONS, Flow, Hold, Outcome, State, Step, Verb, shift, steps
from gateway.core.money import MicroUsd
from gateway.core.reply import Reply

Call: TypeAlias = tuple[list[str], list[Argument]]

_INDICES: Final = [keys.OPEN[State.HELD], keys.OPEN[State.IN_DOUBT], keys.OPEN[State.CAPTURED], keys.ENDED]
_FLOWS: Final[Mapping[Verb, tuple[Flow, ...]]] = {
    verb: tuple(sorted({step.flow for step in row.values()} - {Flow.NOTHING})) for verb, row in TRANSITIONS.items()
}


class _Text(NamedTuple):
    """What the calls of one hold have in common."""

    key: str
    accounts: list[str]
    charges: str
    memory: str
    price: str
    overages: str
    asked: str


@lru_cache(maxsize=1024)
def _text(hold: Hold) -> _Text:
    return _Text(
        key=keys.hold(hold.id),
        accounts=[keys.account(charge.account) for charge in hold.charges],
        charges=codec.encode_charges(hold.charges),
        memory=keys.memory(hold),
        price=keys.price(hold),
        overages=keys.overages(hold),
        asked="" if hold.idempotency is None else hold.idempotency.body,
    )


def admission_call(admission: Admission, now: datetime, max_skew_us: int, epoch: str, seen: int) -> Call:
    """For `hold.lua`."""
    hold, text = admission.hold, _text(admission.hold)
    names = [keys.STORE, keys.POLICY, keys.key(hold.key), text.key, keys.OPEN[State.HELD], keys.ENTRIES, keys.CLOSED]
    names += [text.memory, *text.accounts, *map(keys.rate, admission.rates)]
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
        text.charges,
        codec.micros(hold.deadline),
        text.price,
        text.asked,
        len(admission.demands),
    ]
    for demand in admission.demands:
        arguments += (demand.amount, demand.ceiling, int(demand.enforced), codec.ends(demand.resets_at))
    for rate in admission.rates:
        arguments += (rate.interval_us, rate.burst)
    return names, arguments


def move_call(
    verb: Verb,
    hold: Hold,
    now: datetime,
    seen: int,
    job: str,
    cost: MicroUsd,
    facts: Mapping[str, str],
    reply: Reply | None,
) -> Call:
    """For `move.lua`."""
    text, flows = _text(hold), _FLOWS[verb]
    names = [keys.STORE, text.key, keys.job(job), keys.ENTRIES, *_INDICES, text.memory, text.overages, keys.CLOSED]
    arguments: list[Argument] = [
        codec.micros(now),
        seen,
        hold.id,
        job,
        text.charges,
        _ROWS[verb] if steps(verb, hold, now) is TRANSITIONS[verb] else _row(steps(verb, hold, now), flows),
        encode_hold(hold),
        hold.attempt,
        hold.digest,
        text.asked,
        text.price,
        b"" if reply is None else codec.encode_reply(reply),
        len(flows),
        len(facts),
    ]
    for fact in facts.items():
        arguments += fact
    for charge in hold.charges:
        arguments.append(codec.ends(charge.ends_at))
        for flow in flows:
            arguments += shift(charge, flow, cost)
    return names + text.accounts, arguments


def _row(row: Mapping[State, Step], flows: tuple[Flow, ...]) -> str:
    return "".join(f";{state}:{_step(step, flows)}" for state, step in row.items())


def _step(step: Step, flows: tuple[Flow, ...]) -> str:
    number = 0 if step.flow is Flow.NOTHING else flows.index(step.flow) + 1
    return f"{step.outcome},{step.becomes or ''},{number},{int(step.outcome is Outcome.ANOMALY)}"


_ROWS: Final = {verb: _row(row, _FLOWS[verb]) for verb, row in TRANSITIONS.items()}
