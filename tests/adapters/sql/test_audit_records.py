"""The audit trail out of SQL: newest first, both entries of a change together, also where one is missing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.sql.archive import SqlArchive
from gateway.core.acceptance import Witness
from gateway.core.audit_record import BEGUN, DONE, AuditRecord, Begun, Done, begun_facts, done_facts
from gateway.core.export import Line
from gateway.core.role import Administrator, Role

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begun(number: int, action: str = "key.issue", by: str = "ada") -> Begun:
    at = START + timedelta(seconds=number)
    return Begun(f"aud_{number}", at, action, Administrator("adm_1", by, Role.OWNER), "unix", "r", None, {"n": number})


def done(number: int) -> Done:
    return Done(START + timedelta(seconds=number, microseconds=5), None, f"key_{number}", "video", None, {}, {"a": 1})


async def write(archive: SqlArchive, changes: Sequence[Begun | tuple[Begun, Done]]) -> None:
    lines: list[Line] = []
    for change in changes:
        first, last = change if isinstance(change, tuple) else (change, None)
        lines.append(_line(len(lines) + 1, BEGUN, first.id, first.at, begun_facts(first)))
        if last is not None:
            lines.append(_line(len(lines) + 1, DONE, first.id, last.at, done_facts(last)))
    token = (await archive.lease("one", None, "acme", START, timedelta(seconds=10))).token
    assert token is not None
    assert await archive.write(token, None, lines) is None


def _line(seq: int, kind: str, record: str, at: datetime, facts: object) -> Line:
    assert isinstance(facts, dict)
    return Line(Witness("e.1", seq, record), kind, (at - EPOCH) // timedelta(microseconds=1), "", facts, None)


async def read(archive: SqlArchive, limit: int = 100, **wanted: object) -> tuple[AuditRecord, ...]:
    asked: dict[str, object] = {"before": None, "action": None, "by": None, **wanted}
    before, action, by = asked["before"], asked["action"], asked["by"]
    assert before is None or isinstance(before, datetime)
    assert action is None or isinstance(action, str)
    assert by is None or isinstance(by, str)
    return await archive.audit_records(limit, before, action, by)


async def test_the_newest_come_first_and_whole(archive: SqlArchive) -> None:
    await write(archive, [(begun(1), done(1)), begun(2), (begun(3), done(3))])
    assert await read(archive) == (
        AuditRecord(begun(3), done(3)),
        AuditRecord(begun(2), None),
        AuditRecord(begun(1), done(1)),
    )


async def test_a_page_ends_where_it_is_told(archive: SqlArchive) -> None:
    await write(archive, [begun(number) for number in range(7)])
    first = await read(archive, limit=3)
    assert [one.begun.id for one in first] == ["aud_6", "aud_5", "aud_4"]
    rest = await read(archive, before=first[-1].begun.at)
    assert [one.begun.id for one in rest] == ["aud_3", "aud_2", "aud_1", "aud_0"]


@pytest.mark.parametrize(
    ("wanted", "found"), [({"action": "key.revoke"}, ["aud_2"]), ({"by": "eve"}, ["aud_3"]), ({"by": "nobody"}, [])]
)
async def test_they_are_found_by_what_and_whom(
    archive: SqlArchive, wanted: dict[str, object], found: list[str]
) -> None:
    await write(archive, [begun(1), begun(2, "key.revoke"), begun(3, by="eve")])
    assert [one.begun.id for one in await read(archive, **wanted)] == found


async def test_without_changes_there_is_nothing(archive: SqlArchive) -> None:
    await archive.look()
    assert await read(archive) == ()
