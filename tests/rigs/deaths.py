"""What a process was about to do when it died, decided afterwards and from evidence alone.

The store's entries are numbered, so the number of the last one before a death tells what had happened to a hold by
then. Whether a byte had left, and whether the answer had come, the provider's diary tells.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.rigs.books import Books
from tests.rigs.crowd import Attempt
from tests.rigs.provider import Diary, Note


class Phase(StrEnum):
    """Where a submit was when a process died that it needed. The last one is none of the protocol's own."""

    BEFORE_HOLD = "before hold"
    HELD = "hold to first byte"
    SENT = "first byte to answer"
    ANSWERED = "answer to capture"
    CAPTURED = "after capture"


@dataclass(frozen=True, slots=True)
class Death:
    """`kill -9` of a gateway, or of the store: when (monotonic), after which entry, under which submits."""

    victim: str
    at: float
    sequence: int
    in_flight: tuple[Attempt, ...]

    @property
    def of_the_store(self) -> bool:
        return self.victim == "store"


@dataclass(slots=True)
class Inquest:
    """All deaths of a run, and what the evidence says about them."""

    deaths: list[Death] = field(default_factory=list)

    def count(self, books: Books, diary: Diary) -> dict[str, Counter[Phase]]:
        """How many submits were in which phase when a gateway died, and when the store did."""
        lines = {one.hold.request_id: _numbers(books, hold_id) for hold_id, one in books.holds.items()}
        notes = diary.by_request
        counts: dict[str, Counter[Phase]] = {"gateway": Counter(), "store": Counter()}
        for death in self.deaths:
            counted = counts["store" if death.of_the_store else "gateway"]
            for attempt in death.in_flight:
                if attempt.status is not None and not death.of_the_store:
                    # Its answer was on the way to the client already.
                    continue
                counted[_phase(death, lines.get(attempt.request, {}), notes.get(attempt.request))] += 1
        return counts


def _numbers(books: Books, hold_id: str) -> dict[str, int]:
    return {line.kind: line.seq for line in books.lines(hold_id)}


def _phase(death: Death, numbers: dict[str, int], note: Note | None) -> Phase:
    def happened(kind: str) -> bool:
        return numbers.get(kind, death.sequence + 1) <= death.sequence

    if not happened("hold"):
        return Phase.BEFORE_HOLD
    # A dead gateway sends no more: whatever arrives, late or not, had left before. One that lives goes on sending.
    if note is None or (death.of_the_store and note.arrived > death.at):
        return Phase.HELD
    if note.answered is None or note.answered > death.at:
        return Phase.SENT
    return Phase.CAPTURED if happened("captured") else Phase.ANSWERED


def table(counts: dict[str, Counter[Phase]]) -> str:
    """For people: one row for each phase."""
    rows = [f"{'':22}{'gateway':>9}{'store':>9}"]
    rows += [f"{phase:22}{counts['gateway'][phase]:>9}{counts['store'][phase]:>9}" for phase in Phase]
    return "\n".join(rows)


def fewest(counts: dict[str, Counter[Phase]], of: Iterable[Phase]) -> int:
    """How many submits the rarest of these phases had, of a gateway's deaths or of the store's."""
    return min(counted[phase] for phase in of for counted in counts.values())
