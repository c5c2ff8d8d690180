"""When a job is lost: nobody will tell us how it ended.

The rule of this file: counts are not money. A lost job gives back its place in flight and nothing else; and the
upstream must have been asked, twice an hour apart, or for a whole day.
"""

from datetime import datetime, timedelta
from typing import Final

UNKNOWN_FOR: Final = timedelta(hours=1)
ENDLESS: Final = timedelta(hours=24)


def loss(captured_at: datetime, unknown_since: datetime | None, now: datetime) -> str | None:
    """Why a job is lost that was just asked about and has no end, in words for its entry; None while it is not.

    `unknown_since` is when the upstream first did not know the job, and never did since; None where it knows it.
    """
    if unknown_since is not None:
        return "unknown upstream for an hour" if now - unknown_since >= UNKNOWN_FOR else None
    return "no end after 24 hours" if now - captured_at >= ENDLESS else None
