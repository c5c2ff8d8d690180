"""Logs: one line an event on stderr, as text for a person or as JSON for a machine."""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from pydantic_core import PydanticSerializationError, to_json

from gateway.adapters.system import SystemClock
from gateway.cli.log_writer import LaterHandler
from gateway.core.timestamp import timestamp

LogFormat = Literal["text", "json"]

_CLOCK: Final = SystemClock()
_TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s %(message)s"


def set_up_logging(wanted: LogFormat | None) -> None:
    """Send every log line to stderr. None chooses text on a terminal, else JSON. The last lines are written at exit."""
    chosen = wanted or ("text" if sys.stderr.isatty() else "json")
    # Documented under "Optimization" in the logging HOWTO.
    logging._srcfile = None
    logging.setLogRecordFactory(_Record)
    handler = LaterHandler(sys.stderr)
    handler.setFormatter(_Json() if chosen == "json" else _Text(_TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Record(logging.LogRecord):
    """What a line is made of. Neither form names a place in the code, a thread or a process, so none is looked up."""

    def __init__(
        self,
        name: str,
        level: int,
        _pathname: str,
        _lineno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        _func: str | None = None,
        sinfo: str | None = None,
    ) -> None:
        self.name, self.msg = name, msg
        # A single mapping is what the message takes its names from.
        self.args = args[0] if args and len(args) == 1 and isinstance(args[0], Mapping) else args
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.exc_info, self.exc_text, self.stack_info = exc_info, None, sinfo
        self.at = _CLOCK.now()
        # The text form asks for these two.
        self.created, self.msecs = self.at.timestamp(), self.at.microsecond / 1000


class _Json(logging.Formatter):
    """One document a line; what a line carries in `fields` is beside its message. Every record is one of ours."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": timestamp(cast(_Record, record).at),
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
