"""Entries for tests, as the stream has them."""

from collections.abc import Mapping

from gateway.core.acceptance import Witness
from gateway.core.export import Line
from gateway.core.hold_record import encode_hold
from tests.adapters.redis.holds import TEAM, admission, demand

AT = 1_764_000_000_000_000


def line(
    seq: int,
    kind: str = "hold",
    hold: str = "",
    *,
    epoch: str = "e.1",
    amount: int = 100,
    facts: Mapping[str, str] = {},
) -> Line:
    """An entry of hold `h<seq>` unless another is named, which moves `amount` on the team's account."""
    hold = hold or ("" if kind == "resume" else f"h{seq}")
    moves = {"hold": f"{TEAM.name} 0 {amount}", "captured": f"{TEAM.name} {amount} -{amount}", "resume": ""}[kind]
    record = encode_hold(admission(hold, demand(TEAM, amount, 10**9)).hold) if kind == "hold" else None
    return Line(Witness(epoch, seq, hold), kind, AT + seq, moves, facts, record)


def resume(seq: int, lost_from: int, lost_to: int, *, epoch: str = "e.3") -> Line:
    return line(seq, "resume", epoch=epoch, facts={"lost_from": str(lost_from), "lost_to": str(lost_to)})
