"""Rows as text: in columns, without blanks at a line's end."""

from gateway.cli.table import table


def test_columns_are_as_wide_as_their_widest_text() -> None:
    assert table(("id", "name"), [("a-long-one", None), ("b", 7)]) == "id          name\na-long-one  -\nb           7"


def test_without_rows_there_are_the_names() -> None:
    assert table(("id", "name"), []) == "id  name"


def test_truth_is_told_in_words() -> None:
    assert table(("a", "b", "c"), [(True, False, 0)]) == "a    b   c\nyes  no  0"
