"""The log on stderr: one line an event, as text or as JSON, with what it carries in `fields` beside the message."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from gateway.cli.logs import LogFormat, set_up_logging

LOG = logging.getLogger("gateway.test")
FIELDS = {"fields": {"team": "video", "cost_usd": "0.700000"}}


class Stderr(io.StringIO):
    """What is written to it stays readable; `terminal` says whether it claims to be one."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@contextmanager
def logging_as(*wanted: LogFormat | None, terminal: bool = False) -> Iterator[Stderr]:
    """Logging set up with each form in turn; afterwards the root logger is as before, pytest's handlers included."""
    stderr, level = Stderr(terminal), logging.root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        patch.setattr(logging.root, "handlers", [])
        for name in ("_srcfile", "_logRecordFactory"):
            patch.setattr(logging, name, getattr(logging, name))
        for form in wanted:
            set_up_logging(form)
        yield stderr
        for handler in logging.root.handlers:
            handler.close()
    logging.root.setLevel(level)


def test_json_is_one_document_a_line_with_the_fields_beside_the_message() -> None:
    with logging_as("json") as stderr:
        LOG.info("submission of %s", "kling", extra=FIELDS)
        LOG.warning("nothing\nto add")

    first, second = (json.loads(line) for line in stderr.lines())
    at = datetime.fromisoformat(first.pop("timestamp"))
    assert at.utcoffset() == UTC.utcoffset(None)
    assert first == {
        "level": "INFO",
        "logger": "gateway.test",
        "message": "submission of kling",
        "team": "video",
        "cost_usd": "0.700000",
    }
    assert (second["level"], second["message"]) == ("WARNING", "nothing\nto add")


def test_text_ends_with_the_fields() -> None:
    with logging_as("text") as stderr:
        LOG.info("submission of %s", "kling", extra=FIELDS)
        LOG.warning("nothing to add")

    first, second = stderr.lines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO ", first)
    assert first.endswith("gateway.test submission of kling team=video cost_usd=0.700000")
    assert second.endswith("WARNING gateway.test nothing to add")


def test_an_error_says_where_it_came_from_in_one_json_line() -> None:
    with logging_as("json") as stderr:
        try:
            raise LookupError("no such thing")
        except LookupError:
            LOG.exception("it broke")

    (line,) = stderr.lines()
    assert "LookupError: no such thing" in json.loads(line)["exc_info"]


@pytest.mark.parametrize("terminal", [True, False])
def test_unless_a_form_is_wanted_a_terminal_gets_text_and_a_machine_json(terminal: bool) -> None:
    with logging_as(None, terminal=terminal) as stderr:
        LOG.info("hello")

    (line,) = stderr.lines()
    assert line.startswith("{") != terminal


def test_a_form_that_is_wanted_is_taken_even_on_a_terminal() -> None:
    with logging_as("json", terminal=True) as stderr:
        LOG.info("hello")

    (line,) = stderr.lines()
    assert json.loads(line)["message"] == "hello"


def test_what_is_finer_than_info_is_not_logged() -> None:
    with logging_as("json") as stderr:
        LOG.debug("a detail")

    assert stderr.lines() == []


def test_setting_up_again_replaces_the_first_form_and_logs_nothing_twice() -> None:
    with logging_as("json", "text") as stderr:
        LOG.info("hello")

    (line,) = stderr.lines()
    assert line.endswith("gateway.test hello")


def test_a_line_may_name_what_it_tells() -> None:
    with logging_as("json") as stderr:
        LOG.info("%(what)s of %(whom)s", {"what": "submission", "whom": "kling"})

    (line,) = stderr.lines()
    assert json.loads(line)["message"] == "submission of kling"


def test_text_that_is_no_characters_is_logged_all_the_same() -> None:
    with logging_as("json") as stderr:
        LOG.info("half a pair: %s", "\ud83d", extra={"fields": {"model": "\ud83d", "when": datetime(2026, 1, 1)}})

    (line,) = stderr.lines()
    assert json.loads(line)["message"] == "half a pair: \ud83d"
    assert json.loads(line)["when"] == "2026-01-01 00:00:00"
