"""What somebody may do about a hold in doubt, as commands to be run as they stand.

The rule of this file: whoever decides signs it. So each command names an author and a reason to be filled in.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.job_page import Listed
from gateway.core.money import format_usd
from gateway.core.recall import HoldRecord

_SIGNED: Final = '--author NAME --reason "WHY"'
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Doubt:
    """A hold as it stands, and the jobs that it may have made; None where the list does not say."""

    record: HoldRecord
    jobs: tuple[Listed, ...] | None


def capture_command(hold_id: str, job: str) -> str:
    return f"tollhouse hold capture {hold_id} --job {job} {_SIGNED}"


def void_command(hold_id: str) -> str:
    return f"tollhouse hold void {hold_id} {_SIGNED}"


def doubt_sentence(doubt: Doubt) -> str:
    """What is so."""
    hold, jobs = doubt.record.hold, doubt.jobs
    about = f"Hold {hold.id} of team {hold.team} ({hold.model}, {format_usd(hold.amount)} USD)"
    since = f"sent at {_instant(hold.created_at)}, is in doubt: {doubt.record.cause or 'nobody said why'}"
    if jobs is None:
        return f"{about}, {since}."
    if not jobs:
        return f"{about}, {since}. The upstream's list shows no job that could be its."
    named = ", ".join(f"{job.job} (made at {_instant(job.created_at)})" for job in jobs[:_SHOWN])
    more = f" and {len(jobs) - _SHOWN} more" if len(jobs) > _SHOWN else ""
    return f"{about}, {since}. It may have made {named}{more}."


def doubt_step(doubt: Doubt) -> str:
    """What to do. The first candidate stands for all: only a person can tell whose it is."""
    hold, job = doubt.record.hold, doubt.jobs[0].job if doubt.jobs else "JOB"
    return (
        f"If the upstream took it, run: {capture_command(hold.id, job)}; "
        f"if it certainly did not, run: {void_command(hold.id)}."
    )


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
