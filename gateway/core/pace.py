"""How long the poller rests between two rounds.

The rule of this file: what brings no news is asked less and less often, never more calls in a second than the upstream
was promised, and never before the upstream said it may be asked again. Chance is an argument, and only ever spreads
gateways apart.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.core.reply import Reply, read_document

_LONGEST_ASKED_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: the shortest and the longest rest, and how much rest each call of a round costs."""

    shortest: float = 2.0
    longest: float = 30.0
    per_call: float = 0.1


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to: its calls, whether it learnt anything, and the upstream's own wish to be left alone."""

    calls: int
    news: bool
    retry_after: float | None = None


def rest(pace: Pace, quiet: int, last: Round, chance: float) -> float:
    """Seconds until the next round, after `quiet` rounds without news. `chance` is drawn from 0 to 1."""
    backed_off = min(pace.longest, pace.shortest * 2.0 ** min(quiet, 16))
    wanted = max(backed_off, pace.per_call * last.calls)
    jittered = wanted * (0.75 + 0.5 * chance)
    if last.retry_after is None:
        return jittered
    # Never sooner than asked, and not all at once either.
    return max(jittered, last.retry_after * (1 + 0.25 * chance))


def asked_to_wait(reply: Reply) -> float | None:
    """How many seconds a 429 asks to be left alone, as documented in `error.details.retryAfter`; None: it is no 429."""
    if reply.status != 429:
        return None
    document = read_document(reply.body) or {}
    error = document.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    named = details.get("retryAfter") if isinstance(details, dict) else None
    if isinstance(named, bool) or not isinstance(named, int | Decimal) or not 0 <= named <= _LONGEST_ASKED_S:
        return 0.0
    return float(named)
