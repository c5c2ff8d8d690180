"""What tests of the spool write into it, and a process that ends without a word."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gateway.adapters.spool import Bounds, DirectorySpool, open_spool
from gateway.core.acceptance import Acceptance, Witness
from gateway.core.hold_record import encode_hold
from gateway.core.ledger import Hold
from gateway.core.remains import Remains
from tests.adapters.redis.holds import JOBS, TEAM, admission, demand
from tests.doubles import NOON, StillClock

MACHINE: Final = "this boot of the machine"
COST: Final = 350_000


def hold(hold_id: str, sender: str = "old", **others: Any) -> Hold:
    """A hold of 0.35 USD and one job, made at noon."""
    demands = (demand(TEAM, COST, 10**9), demand(JOBS, 1, 10**6))
    return admission(hold_id, *demands, sender=sender, created_at=NOON, **others).hold


def acceptance(hold_id: str, sender: str = "old", **others: Any) -> Acceptance:
    """The upstream took this hold's job, for what was held."""
    plain: dict[str, Any] = {
        "hold_id": hold_id,
        "record": encode_hold(hold(hold_id, sender)),
        "job": f"job of {hold_id}",
        "cost": COST,
        "facts": {},
        "answered_at": NOON,
        "witness": Witness("e1", 7, hold_id),
    }
    return Acceptance(**(plain | others))


@contextmanager
def opened(
    data_dir: Path,
    boot: str,
    machine: str | None = MACHINE,
    clock: StillClock | None = None,
    bounds: Bounds | None = None,
) -> Iterator[tuple[DirectorySpool, Remains]]:
    with open_spool(data_dir, boot, machine, clock or StillClock(), bounds) as both:
        yield both


@contextmanager
def killed(data_dir: Path, boot: str = "old", **how: Any) -> Iterator[DirectorySpool]:
    """The spool of a process that is killed at the end of the block: it writes no last line."""
    with opened(data_dir, boot, **how) as (spool, _):
        yield spool
        spool.close = spool._files.close


def files(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "spool").glob("*.jsonl"))


def remains(data_dir: Path, machine: str | None = MACHINE) -> Remains:
    """What the next process finds."""
    with opened(data_dir, "reader", machine) as (_, found):
        return found
