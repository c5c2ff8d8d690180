"""Names that some parser, client or eye could take for each other fold to one; different names do not."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.field_name import fold

ALIKE = [
    ("duration", "Duration"),
    ("duration", "DURATION"),
    ("duration", " duration"),
    ("duration", "duration\u200b"),
    ("duration", "dura\u00adtion"),
    ("duration", "dura\x00tion"),
    ("duration", "\ufeffduration"),
    ("duration", "ｄuration"),
    ("duration", "𝐝𝐮𝐫𝐚𝐭𝐢𝐨𝐧"),
    ("duration", "duratıon"),
    ("duration", "DURATİON"),
    ("duration", "dura\u0301tion"),
    ("duration", "durätion"),
    ("duration", "dura\u0345tion"),
    ("duration", ".duration"),
    ("has_sound", "hasSound"),
    ("has_sound", "has-sound"),
    ("has_sound", "has sound"),
    ("has_sound", "HAS＿SOUND"),
    ("has_sound", "ha\u017f_sound"),
    ("offset", "o\ufb00set"),
]


@pytest.mark.parametrize(("name", "twin"), ALIKE)
def test_alike(name: str, twin: str) -> None:
    assert fold(name) == fold(twin)


@pytest.mark.parametrize("other", ["durations", "durations_s", "duratio", "total_duration", "duration2", "prompt", ""])
def test_not_alike(other: str) -> None:
    assert fold(other) != fold("duration")


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_agrees_with_the_long_one(name: str) -> None:
    """A character outside ASCII that counts for nothing forces the long way."""
    assert fold(name + "\u200b") == fold(name)


@pytest.mark.parametrize("name", ["ж", "durationж", "жduration", "時間", "duration時"])
def test_a_name_with_a_letter_that_is_no_form_of_an_ascii_one_is_like_no_field(name: str) -> None:
    assert fold(name) == ""


def test_no_character_alone_can_raise_or_leave_something_that_folds_on() -> None:
    for code in range(sys.maxunicode + 1):
        once = fold(chr(code))
        assert fold(once) == once
