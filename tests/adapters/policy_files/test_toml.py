"""TOML documents: parsed or complained of, and looked into without a fall whatever they hold."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.policy_files.toml import array, parse, strings, table, tables
from gateway.core.complaint import Complaint

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def test_a_text_is_a_document_or_a_complaint_of_its_file() -> None:
    assert parse("teams/video.toml", 'team = "video"\n[allow]\n') == {"team": "video", "allow": {}}

    found = parse("teams/video.toml", "team = ")
    assert isinstance(found, tuple)
    (only,) = found
    assert (only.file, only.key) == ("teams/video.toml", "")
    assert only.message.startswith("is not TOML: ")


@given(st.text())
def test_every_text_is_a_document_or_one_complaint(text: str) -> None:
    found = parse("a.toml", text)

    assert isinstance(found, dict) or [type(one) for one in found] == [Complaint]


def test_the_tables_of_an_array_are_numbered_as_they_stand_in_it() -> None:
    document = {"limit": [{"name": "a"}, "no table", {"name": "b"}]}

    assert tables("limit", document) == [("limit[0]", {"name": "a"}), ("limit[1]", {}), ("limit[2]", {"name": "b"})]
    assert tables("rate", document) == []


def test_strings_keep_the_index_that_they_have_among_all_entries() -> None:
    assert strings(["a", 1, ["b"], "c"]) == [(0, "a"), (3, "c")]


@given(anything)
def test_what_has_another_type_counts_as_empty(value: object) -> None:
    assert table(value) == (value if isinstance(value, dict) else {})
    assert array(value) == (value if isinstance(value, list) else [])
    assert len(tables("limit", {"limit": value})) == (len(value) if isinstance(value, list) else 0)
    assert all(isinstance(one, str) for _, one in strings(value))
