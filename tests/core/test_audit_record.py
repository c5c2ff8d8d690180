"""The record of a change: what is written is what is read, and what is missing is said."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit_record import (
    AuditRecord,
    Begun,
    Done,
    begun_facts,
    done_facts,
    read_begun,
    read_done,
)
from gateway.core.role import Administrator, Role

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_TEXT = st.text(max_size=20)
_FACTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    _TEXT, st.none() | st.booleans() | st.integers() | _TEXT | st.lists(_TEXT, max_size=3), max_size=4
)
_PEOPLE = st.builds(Administrator, _TEXT, _TEXT, st.sampled_from(Role), st.none() | _TEXT)
_BEGUN = st.builds(Begun, _TEXT, st.just(NOW), _TEXT, _PEOPLE, _TEXT, _TEXT, st.none() | _TEXT, _FACTS)
_CODE = st.none() | st.from_regex(r"[A-Z_]{1,20}", fullmatch=True)
_DONE = st.builds(Done, st.just(NOW), _CODE, st.none() | _TEXT, st.none() | _TEXT, st.none() | _TEXT, _FACTS, _FACTS)


@given(begun=_BEGUN, done=_DONE)
def test_what_is_written_is_read_again(begun: Begun, done: Done) -> None:
    assert read_begun(begun.id, begun.at, begun_facts(begun)) == begun
    assert read_done(done.at, done_facts(done)) == done


def test_what_was_cut_off_is_unknown() -> None:
    begun = Begun("aud_1", NOW, "key.issue", Administrator("adm_1", "ada", Role.OWNER), "unix", "req_1", None, {})
    assert AuditRecord(begun, None).outcome == "unknown"
    assert AuditRecord(begun, Done(NOW)).outcome == "done"
    assert AuditRecord(begun, Done(NOW, code="TEAM_UNKNOWN")).outcome == "TEAM_UNKNOWN"
