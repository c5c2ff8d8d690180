"""Logs: one line an event on stderr, as text for a person or as JSON for a machine."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic_core import PydanticSerializationError, to_json

from gateway.cli.log_writer import LaterHandler

LogFormat = Literal["text", "json"]

_TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s %(message)s"


def set_up_logging(wanted: LogFormat | None) -> None:
    """Send every log line to stderr. None chooses text on a terminal, else JSON. The last lines are written at exit."""
    chosen = wanted or ("text" if sys.stderr.isatty() else "json")
    _record_only_what_is_written()
    handler = LaterHandler(sys.stderr)
    handler.setFormatter(_Json() if chosen == "json" else _Text(_TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _record_only_what_is_written() -> None:
    """Neither form names a line of code, a thread or a process; looking them up is half of what a record costs."""
    # Documented under "Optimization" in the logging HOWTO.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class _Json(logging.Formatter):
    """One document a line; what a line carries in `fields` is beside its message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        try:
            return to_json(line, fallback=str).decode()
        except PydanticSerializationError:
            # Text that is no characters, such as half of a surrogate pair.
            return json.dumps(line, default=str)


class _Text(logging.Formatter):
    """Appends what a line carries in `fields`, as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in fields.items())])
