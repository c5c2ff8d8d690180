"""The thread that writes the log: nothing is lost or out of order, and nobody waits for whoever reads."""

import io
import logging
import subprocess
import sys
import threading

import pytest

from gateway.cli.log_writer import LaterHandler


class Reader(io.StringIO):
    """A stream that takes nothing until it is told to, and counts how often it is written to."""

    def __init__(self, reads: bool = True) -> None:
        super().__init__()
        self.may = threading.Event()
        self.writes = 0
        if reads:
            self.may.set()

    def write(self, text: str) -> int:
        assert self.may.wait(60)
        self.writes += 1
        return super().write(text)


def record(text: str, level: int = logging.INFO, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("gateway.test", level, "", 0, text, arguments, None)


def test_lines_come_out_in_order_and_several_at_once() -> None:
    reader = Reader()
    handler = LaterHandler(reader)
    for number in range(1000):
        handler.handle(record("line %d", logging.INFO, number))
    handler.flush()
    assert reader.getvalue().splitlines() == [f"line {number}" for number in range(1000)]
    assert reader.writes < 1000
    handler.close()


def test_closing_writes_what_waits_and_a_second_time_does_nothing() -> None:
    reader = Reader()
    handler = LaterHandler(reader)
    handler.handle(record("the last line"))
    handler.close()
    handler.close()
    handler.flush()
    assert reader.getvalue() == "the last line\n"


def test_nobody_waits_for_a_reader_and_what_was_dropped_is_told() -> None:
    reader = Reader(reads=False)
    handler = LaterHandler(reader, most_waiting=100)
    for number in range(1000):
        handler.handle(record("line %d", logging.INFO, number))
    reader.may.set()
    handler.close()
    lines = reader.getvalue().splitlines()
    written = [line for line in lines if line.startswith("line ")]
    told = [int(line.split()[0]) for line in lines if line.endswith("nobody read the log fast enough")]
    assert 100 <= len(written) < 1000
    assert sum(told) == 1000 - len(written)


def test_a_reader_that_is_gone_is_no_mistake() -> None:
    reader = Reader()
    handler = LaterHandler(reader)
    reader.close()
    handler.handle(record("to nobody"))
    handler.flush()
    handler.close()


def test_the_last_lines_of_a_process_are_written() -> None:
    program = (
        "import logging; from gateway.cli.logs import set_up_logging; set_up_logging('json')\n"
        "for number in range(500): logging.getLogger('x').info('line %d', number)\n"
        "raise SystemExit(3)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 3
    assert [f'"message":"line {number}"' in line for number, line in enumerate(ended.stderr.splitlines())] == [
        True
    ] * 500


def test_a_line_that_cannot_be_made_stops_no_other_and_is_told_without_what_was_in_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    reader, secret = Reader(), "".join(("pb", "_", "secret"))
    handler = LaterHandler(reader)
    handler.handle(record("%d of them", logging.INFO, secret))
    handler.handle(record("and on it goes"))
    handler.close()
    assert reader.getvalue() == "a line of gateway.test could not be written: TypeError\nand on it goes\n"
    assert secret not in "".join(capfd.readouterr())
