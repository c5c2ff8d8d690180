"""Logs: one line an event on stderr, as text for a person or as JSON for a machine."""

import logging
import sys
from typing import Any, Literal

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["text", "json"]


def set_up_logging(wanted: LogFormat | None) -> None:
    """Send every log line to stderr. None chooses text on a terminal, else JSON."""
    chosen = wanted or ("text" if sys.stderr.isatty() else "json")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json() if chosen == "json" else _Text("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _json() -> logging.Formatter:
    return _Json(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp=True,
    )


class _Json(JsonFormatter):
    """Puts what a line carries in `fields` beside its message."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        fields = log_data.pop("fields", {})
        return super().process_log_record({**log_data, **fields})


class _Text(logging.Formatter):
    """Appends what a line carries in `fields`, as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in fields.items())])
