"""`GET /admin/v1/doctor`: what state this gateway and its store are in, for operators."""

from typing import Any, Final

from gateway.core.diagnosis import Diagnosis, Figures, StoreFigures
from gateway.core.finding import Finding
from gateway.core.history import Sighting
from gateway.core.role import Power
from gateway.web.operation import Answer, Call, Document, Nothing, Operation


class FindingDocument(Document):
    """What is wrong, and what to do next."""

    check: str
    sentence: str
    step: str


class FrozenDocument(Document):
    """Why the store admits nothing, for how long, and which entries are gone."""

    reason: str
    seconds: float
    lost_from: int
    lost_to: int


class GatewayDocument(Document):
    """A gateway that the store has heard of."""

    boot: str
    silent_seconds: float
    seen: int
    replayed: bool


class StoreDocument(Document):
    """The store: what it holds, and of its history what it says."""

    keys: int
    holds: dict[str, int]
    oldest_due_seconds: float
    clock_skew_seconds: float
    organization: str | None = None
    epoch: str | None = None
    sequence: int | None = None
    frozen: FrozenDocument | None = None
    gateways: tuple[GatewayDocument, ...] = ()


class FiguresDocument(Document):
    """What the sentences are made of."""

    unacknowledged_moves: int
    spool_fill: float
    policy: str | None
    kept_out: str | None
    store: StoreDocument | None


class DiagnosisDocument(Document):
    """`well` is true when there are no findings; `state` are sentences."""

    well: bool
    state: tuple[str, ...]
    findings: tuple[FindingDocument, ...]
    figures: FiguresDocument | None


async def examine(call: Call[Nothing, None]) -> Answer:
    return Answer(diagnosis_document(await call.control.doctor.examine()))


def diagnosis_document(diagnosis: Diagnosis) -> DiagnosisDocument:
    return DiagnosisDocument(
        well=diagnosis.well,
        state=tuple(diagnosis.state),
        findings=tuple(map(_finding, diagnosis.findings)),
        figures=None if diagnosis.figures is None else _figures(diagnosis.figures),
    )


def _finding(finding: Finding) -> FindingDocument:
    return FindingDocument(check=str(finding.check), sentence=finding.sentence, step=finding.step)


def _figures(figures: Figures) -> FiguresDocument:
    return FiguresDocument(
        unacknowledged_moves=figures.unacknowledged,
        spool_fill=round(figures.spool_fill, 4),
        policy=figures.policy,
        kept_out=figures.kept_out,
        store=None if figures.store is None else _store(figures.store),
    )


def _store(store: StoreFigures) -> StoreDocument:
    return StoreDocument(
        keys=store.keys,
        holds=dict(store.holds),
        oldest_due_seconds=round(store.oldest_due.total_seconds(), 3),
        clock_skew_seconds=round(store.skew.total_seconds(), 6),
        **({} if store.sighting is None else _history(store.sighting)),
    )


def _history(seen: Sighting) -> dict[str, Any]:
    return {
        "organization": seen.organization,
        "epoch": seen.epoch,
        "sequence": seen.sequence,
        "frozen": None
        if seen.freeze is None
        else FrozenDocument(
            reason=seen.freeze.reason,
            seconds=round(seen.freeze.since.total_seconds(), 3),
            lost_from=seen.freeze.lost_from,
            lost_to=seen.freeze.lost_to,
        ),
        "gateways": tuple(
            GatewayDocument(
                boot=peer.boot,
                silent_seconds=round(peer.silent.total_seconds(), 3),
                seen=peer.seen,
                replayed=peer.replayed == seen.epoch,
            )
            for peer in seen.peers
        ),
    }


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/doctor", "Look at the gateway", Power.READ_STATE, examine, DiagnosisDocument),
)
