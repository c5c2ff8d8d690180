"""What would have been admitted instead of a refused job, as rows and as the last sentence of the refusal."""

import json
from collections.abc import Sequence
from dataclasses import replace

from gateway.core.account import Meter
from gateway.core.money import format_usd
from gateway.core.nearest import WouldPass
from gateway.web.limit_rows import told
from gateway.web.problem import GatewayError


def rows(would_pass: Sequence[WouldPass]) -> list[dict[str, object]]:
    """Each is the job that was sent with these fields of its input changed, on this model."""
    return [
        {"changes": dict(one.changes), "model": one.model, "cost_usd": format_usd(one.amount)} for one in would_pass
    ]


def suggesting(error: GatewayError, would_pass: Sequence[WouldPass]) -> GatewayError:
    """The same error with what would pass, the nearest of it in words."""
    details = {**error.details, "would_pass": rows(would_pass)}
    message = f"{error.message} {_sentence(would_pass[0])}" if would_pass else error.message
    return replace(error, message=message, details=details)


def _sentence(nearest: WouldPass) -> str:
    changes = [f'"{name}": {json.dumps(value)}' for name, value in nearest.changes.items()]
    how = f"with {' and '.join(changes)}" if changes else f'on "{nearest.model}"'
    return f"It would pass now {how}, for {told(Meter.USD, nearest.amount)}."
