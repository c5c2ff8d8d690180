"""What a webhook of the provider says: which job, and how it stands.

The rule of this file: it is read only of bytes whose signature was verified. The documents show it flat and every other
reply in two forms, so it is read in both.
"""

from dataclasses import dataclass

from gateway.core.ending import Ending, Running, read_ending
from gateway.core.reply import read_document, read_job_id, unwrapped
from gateway.core.word import Word


class Heard(Word):
    """What a call came to. `refused`: nobody can tell that it is the upstream's. `early`: the submit still runs."""

    TAKEN = "taken"
    REPEATED = "repeated"
    EARLY = "early"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class JobTold:
    """A job, and what is said of it."""

    job: str
    says: Ending | Running


def read_event(body: bytes) -> JobTold | None:
    """None for what names no job or none of the documented statuses. Never raises."""
    document = read_document(body)
    if document is None:
        return None
    data = unwrapped(document)
    job, says = read_job_id(data), read_ending(data)
    return None if job is None or says is None else JobTold(job, says)
