"""The page about a hold's life, written from the table itself: `python -m tests.core.hold_life > docs/hold-life.md`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.core.account import Meter
from gateway.core.ledger import TRANSITIONS, Charge, Flow, Hold, Outcome, State, Step, Verb, moves

_HEAD = """\
# A hold's life

Generated from `TRANSITIONS` in `gateway/core/ledger.py` by `python -m tests.core.hold_life > docs/hold-life.md`.

A hold begins when the store admits it: `hold` is the one verb that can be refused for want of room, and
`gateway/adapters/redis/lua/hold.lua` decides it. Everything after that follows the table. Once a verb has done its work
it answers `already` and moves nothing, so every call may be repeated.
"""

_TABLE_HEAD = """\
## Every verb in every state

A cell is the answer; an arrow says where the hold goes. Without one it stays where it is, and nothing moves.
"""

_ENDS = """\
- `adopted`: the store lost the hold, and the upstream accepted its job all the same. Only for seven days from the
  hold's start; after that capture answers `missing`, and an operator decides.
- `tombstoned`: nothing was held. For 24 hours a late hold of that id is refused.
- `overage`: the job of a hold that was given up runs after all. The upstream is the truth, so it is booked.
- `adjusted`: the upstream named another amount than came back. Once, and only where nobody had named one before.
- `anomaly`: a fact that contradicts the end the hold already has. It is written into the ledger once; no money moves.
- `lost`: the upstream does not know the job any more, or it ran for a day without an end. What it had in flight comes
  back, its money stays posted; an end that is heard of all the same still counts, and is called `..._late`.
- `rebound`: the list had bound the hold to a job, and the answer to its own submit came after all and names another.
- `job_bound` is the answer of a capture whose job id belongs to another hold. Nothing moves.
"""

_ORDINARY = {
    *(Outcome.CAPTURED, Outcome.VOIDED, Outcome.DOUBTED),
    *(Outcome.FINISHED, Outcome.REFUNDED, Outcome.ADJUSTED, Outcome.LOST, Outcome.REBOUND),
}

_FLOWS_HEAD = """\
## What moves

For a hold of 10 on a money limit, 1 on a count and 1 in flight, when 7 is the cost: posted / held.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join((_HEAD, *_diagram(), _TABLE_HEAD, *_table(), _ENDS, _FLOWS_HEAD, *_flows()))


def _diagram() -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2", "    [*] --> held: hold")
    for verb, row in TRANSITIONS.items():
        for state, step in row.items():
            if step.becomes is not None:
                start = "[*]" if state is State.NONE else state
                yield f"    {start} --> {step.becomes}: {_label(verb, step)}"
    yield from ("```", "")


def _label(verb: Verb, step: Step) -> str:
    return verb if step.outcome in _ORDINARY else f"{verb} ({step.outcome})"


def _table() -> Iterator[str]:
    yield f"| From | {' | '.join(Verb)} |"
    yield "| --- |" + " --- |" * len(Verb)
    for state in State:
        yield f"| {state} | {' | '.join(_cell(TRANSITIONS[verb][state]) for verb in Verb)} |"
    yield ""


def _cell(step: Step) -> str:
    return step.outcome if step.becomes is None else f"{step.outcome} → **{step.becomes}**"


def _flows() -> Iterator[str]:
    yield "| Answer | money | count | in flight |"
    yield "| --- | --- | --- | --- |"
    seen = {step.outcome: step.flow for row in TRANSITIONS.values() for step in row.values() if step.becomes}
    for outcome, flow in seen.items():
        yield f"| {outcome} | {' | '.join(_shifts(flow))} |"
    yield ""


def _shifts(flow: Flow) -> Iterator[str]:
    meters = {Meter.USD: 10, Meter.JOBS: 1, Meter.IN_FLIGHT: 1}
    hold = sample(tuple(Charge(meter, meter, amount, None) for meter, amount in meters.items()))
    for move in moves(hold, flow, 7):
        yield f"{_signed(move.posted)} / {_signed(move.held)}"


def _signed(amount: int) -> str:
    return f"{amount:+d}" if amount else "0"


def sample(charges: tuple[Charge, ...], created_at: datetime = datetime(2026, 11, 23, tzinfo=UTC)) -> Hold:
    """A hold with these charges; all else about it is of no account here."""
    return Hold(
        id="hold_1",
        attempt="a1",
        organization="acme",
        team="red",
        key="k1",
        model="kling/kling-2.6-pro/text-to-video",
        version=None,
        amount=10,
        quoted=10,
        factors=(),
        rate_card="2026-11-01",
        policy="p1",
        key_revision=1,
        charges=charges,
        digest="d1",
        request_id="r1",
        created_at=created_at,
        deadline=created_at,
    )


if __name__ == "__main__":
    print(page(), end="")
