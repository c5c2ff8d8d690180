"""What is not as it must be, in words for the person who has to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: which `check` found it, one sentence that says what is so, and one next step.

    No secrets, no prompts: it is logged, and shown to whoever asks whether we are ready or what ails us.
    """

    check: str
    sentence: str
    step: str


def names(findings: Iterable[Finding]) -> frozenset[str]:
    """The checks that failed."""
    return frozenset(finding.check for finding in findings)
