"""An idempotency key: read from its header, scoped to a team, bound to what was asked and not to how it was written."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.idempotency import idempotency, read_idempotency_key, twin
from gateway.core.job import JobRequest, parse

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)
JOB = JobRequest("a/b/c", None, {"duration": "5", "prompt": "a dog"}, None)


@given(VISIBLE)
def test_quoted_or_bare_it_is_the_same_key(key: str) -> None:
    quoted = len(key) >= 2 and key[0] == key[-1] == '"'
    assert read_idempotency_key(f'"{key}"') == key
    if not quoted:
        assert read_idempotency_key(f" {key}\t") == key


@pytest.mark.parametrize("header", ["", " ", '""', '" "', "a b", "k" * 256, f'"{"k" * 256}"', "ä", "a\x7f", "a\n"])
def test_what_is_no_key(header: str) -> None:
    assert read_idempotency_key(header) is None


def test_a_team_a_kind_of_key_and_a_key_make_three_names() -> None:
    one = idempotency("k", "video", JOB, test=False)
    others = [
        idempotency("k2", "video", JOB, test=False),
        idempotency("k", "audio", JOB, test=False),
        idempotency("k", "video", JOB, test=True),
    ]
    assert len({one.key, *(other.key for other in others)}) == 4
    assert {one.body, *(other.body for other in others)} == {one.body}
    assert idempotency("k", "video", JOB, test=False) == one


def test_order_and_dialect_make_no_other_body_but_every_value_does() -> None:
    asked = {"model": "a/b/c", "input": {"duration": "5", "prompt": "a dog"}}
    same = {"input": {"prompt": "a dog", "duration": "5"}, "modelSlug": "a/b/c"}
    jobs = [parse(json.dumps(body).encode()) for body in (asked, same)]
    assert jobs == [JOB, JOB]
    changed = [
        replace(JOB, model="a/b/d"),
        replace(JOB, version="1"),
        replace(JOB, input={**JOB.input, "duration": 5}),
        replace(JOB, webhook_url="https://example.com/"),
    ]
    bodies = {idempotency("k", "video", job, test=False).body for job in [JOB, *changed]}
    assert len(bodies) == 5


def test_twins_have_a_key_and_a_body_in_common() -> None:
    assert twin("key_1", "abc") == twin("key_1", "abc")
    assert len({twin("key_1", "abc"), twin("key_2", "abc"), twin("key_1", "abd")}) == 3
