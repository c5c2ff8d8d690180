"""A cursor says where a page ended, and what is none is told from one."""

import base64

import pytest

from gateway.core.cursor import open_cursor, read_place, write_cursor


def test_what_was_written_is_read() -> None:
    assert open_cursor(write_cursor("held", 5, "hold_1")) == ["held", 5, "hold_1"]


@pytest.mark.parametrize("text", ["", "?", "é", "A" * 513, base64.urlsafe_b64encode(b"5").decode(), "W10"])
def test_what_no_page_named_is_none(text: str) -> None:
    assert open_cursor(text) is None


@pytest.mark.parametrize(
    "parts",
    [[], [1], [1, "h", 2], ["1", "h"], [-1, "h"], [2**53, "h"], [1, ""], [1, 2], [1, "h\n"], [1, "é"]],
)
def test_what_is_no_place_is_none(parts: list[object]) -> None:
    assert read_place(parts) is None


def test_a_place_is_an_instant_and_a_hold() -> None:
    assert read_place([0, "h"]) == (0, "h")
