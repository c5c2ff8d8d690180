"""Values: what they are at run time, and that the type checker lets nobody change one."""

from dataclasses import field, replace
from pathlib import Path

import pytest
from mypy import api

from gateway.core.value import value


@value
class Point:
    """A value of two fields, one of them not for everybody."""

    x: int
    y: int = field(default=7, repr=False)


def test_a_value_is_what_its_fields_are() -> None:
    assert Point(1) == Point(1, 7) != Point(2)
    assert len({Point(1), Point(1, 7), Point(2)}) == 2
    assert repr(Point(1)) == "Point(x=1)"
    assert replace(Point(1), y=3) == Point(1, 3)
    match Point(1):
        case Point(x, y):
            assert (x, y) == (1, 7)


def test_a_value_has_no_room_for_what_is_no_field() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 3


def test_the_type_checker_lets_nobody_change_a_value(tmp_path: Path) -> None:
    """At run time nobody would stop it."""
    lines = ["from gateway.core.account import Balance", "one = Balance(1, 2)", "one.held = 3", "Balance('1', 2)"]
    program = tmp_path / "program.py"
    program.write_text("\n".join(lines))
    said, told, _ = api.run(["--strict", "--no-error-summary", str(program)])
    assert [line.split(":")[1] for line in said.splitlines()] == ["3", "4"], said + told
    assert "read-only" in said
