"""`GET /admin/v1/doctor`: what state this gateway and its store are in, for operators."""

from aiohttp import web

from gateway.core.diagnosis import Diagnosis, Figures, StoreFigures
from gateway.core.finding import Finding
from gateway.core.history import Sighting
from gateway.web.administration import Answer, Control


async def examine(_request: web.Request, control: Control) -> Answer:
    return web.json_response(diagnosis_document(await control.doctor.examine()))


def diagnosis_document(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "well": diagnosis.well,
        "state": list(diagnosis.state),
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "figures": None if diagnosis.figures is None else _figures(diagnosis.figures),
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"check": str(finding.check), "sentence": finding.sentence, "step": finding.step}


def _figures(figures: Figures) -> dict[str, object]:
    return {
        "unacknowledged_moves": figures.unacknowledged,
        "spool_fill": round(figures.spool_fill, 4),
        "policy": figures.policy,
        "kept_out": figures.kept_out,
        "store": None if figures.store is None else _store(figures.store),
    }


def _store(store: StoreFigures) -> dict[str, object]:
    return {
        "keys": store.keys,
        "holds": dict(store.holds),
        "oldest_due_seconds": round(store.oldest_due.total_seconds(), 3),
        "clock_skew_seconds": round(store.skew.total_seconds(), 6),
        **({} if store.sighting is None else _history(store.sighting)),
    }


def _history(seen: Sighting) -> dict[str, object]:
    freeze = seen.freeze
    return {
        "organization": seen.organization,
        "epoch": seen.epoch,
        "sequence": seen.sequence,
        "frozen": None
        if freeze is None
        else {
            "reason": freeze.reason,
            "seconds": round(freeze.since.total_seconds(), 3),
            "lost_from": freeze.lost_from,
            "lost_to": freeze.lost_to,
        },
        "gateways": [
            {
                "boot": peer.boot,
                "silent_seconds": round(peer.silent.total_seconds(), 3),
                "seen": peer.seen,
                "replayed": peer.replayed == seen.epoch,
            }
            for peer in seen.peers
        ],
    }
