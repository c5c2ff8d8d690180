"""A complaint names its place, and what was probably meant."""

from gateway.core.complaint import Complaint, meant


def test_the_nearest_known_word_is_suggested_and_nothing_far_away() -> None:
    sentence = meant("is not known", "celing", ["ceiling", "window"])
    assert sentence == "is not known: did you mean ceiling?"
    assert Complaint("f", "k", sentence).suggestion == "ceiling"
    assert meant("is not known", "x", ["ceiling"]) == "is not known"
    assert meant("is not known", 5, ["ceiling"]) == "is not known"
    assert Complaint("f", "k", "is not known").suggestion is None


def test_a_line_makes_no_other_complaint() -> None:
    assert Complaint("f", "k", "is wrong").at_line(3) == Complaint("f", "k", "is wrong")
    assert str(Complaint("f", "k", "is wrong", 3)) == "f: k: is wrong"
    assert str(Complaint("f", "", "is wrong")) == "f: is wrong"
