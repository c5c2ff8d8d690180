"""The name of a set of files changes with every letter of it, and with nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy_version import version_of

files = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=4)


@given(files, files)
def test_two_sets_have_one_name_exactly_when_they_are_equal(one: dict[str, str], other: dict[str, str]) -> None:
    assert (version_of(one) == version_of(other)) == (one == other)


@given(files)
def test_the_order_of_files_does_not_matter(some: dict[str, str]) -> None:
    assert version_of(dict(reversed(some.items()))) == version_of(some)


def test_no_text_can_pose_as_two_files() -> None:
    assert version_of({"a": "1", "b": "2"}) != version_of({"a": "1b2"})
    assert version_of({"a": "1:b"}) != version_of({"a1:": "b"})


def test_a_version_is_sixteen_hex_digits_and_the_same_everywhere() -> None:
    assert version_of({}) == "e3b0c44298fc1c14"
    assert version_of({"organization.toml": 'organization = "acme"\n'}) == "f90554b0f5a48883"
