"""Words are their text to everybody who looks them up."""

from gateway.core.word import Word


class Colour(Word):
    RED = "red"


def test_a_word_is_found_by_itself_and_by_its_text() -> None:
    assert {Colour.RED: 1}["red"] == {"red": 1}[Colour.RED] == 1
    assert Colour("red") is Colour.RED
    assert f"{Colour.RED}" == "red"
