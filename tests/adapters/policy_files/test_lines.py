"""A complaint has the line of its key, or of what is around it, and no text makes looking for it fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.policy_files import load
from gateway.adapters.policy_files.lines import placed
from gateway.core.complaint import Complaint

TEXT = '''\
schema = 1
note = """
[limit]
team = "no key"
"""
allow.models = ["*"]

[[limit]]
name = "a"

[[limit]]  # the second
name    = "b"
"odd key" = 1
models  = [
  "x",
]

[[model]]
slug = "m"
factors = [
  { field = "a" },
  # one more
  { field = "b", multipliers = { "1" = "1" } },
]

[[model]]
[model.meters]
seconds = 1
[[model.extra]]
[[model.extra]]
name = 1
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("schema", 1),
        ("team", None),
        ("allow.models", 6),
        ("allow.models[0]", 6),
        ("limit[0]", 8),
        ("limit[0].name", 9),
        ("limit[0].ceiling", 8),
        ("limit[1].name", 12),
        ('limit[1]."odd key"', 13),
        ("limit[1].models[0]", 14),
        ("limit", None),
        ("model[0].factors[1].multipliers.1", 23),
        ("model[0].factors[0].field", 21),
        ("model[1].meters.seconds", 28),
        ("model[1].extra[1].name", 31),
        ("", None),
    ],
)
def test_the_line_of_a_key_or_of_what_is_around_it(key: str, line: int | None) -> None:
    assert placed(Complaint("f", key, "is wrong"), TEXT).line == line


def test_a_mistake_in_the_syntax_says_its_own_line() -> None:
    (complaint,) = load({"organization.toml": "schema = 1\nzone = \n", "prices/a.toml": "schema ="})[:1]
    assert (complaint.file, complaint.line) == ("organization.toml", 2)


@given(st.text(), st.text())
def test_no_text_and_no_key_make_it_fail(text: str, key: str) -> None:
    line = placed(Complaint("f", key, "is wrong"), text).line
    assert line is None or 1 <= line <= len(text.splitlines())
