"""What SQL has of one key, in both databases: its holds and their later life, and what was refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.adapters.sql.archive import SqlArchive
from gateway.adapters.sql.engine import open_engine
from gateway.core.key_usage import Sum, Turned
from tests.adapters.sql.lines import AT, line
from tests.adapters.sql.test_archive import refusal

START = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=AT)


async def test_of_one_key_and_from_then_on(database: str) -> None:
    archive = SqlArchive(open_engine(database), "ledger")
    token = (await archive.lease("one", None, "acme", START, timedelta(minutes=10))).token
    assert token is not None
    first = [line(1), line(2), line(3), line(4, "captured", "h1", facts={"job": "j1", "cost": "90"})]
    await archive.write(token, None, first)
    key = "k1"
    whole = await archive.key_usage(key, START)
    assert whole.total == Sum(3, 200, 90, 0)
    assert (await archive.key_usage(key, START + timedelta(microseconds=2))).total == Sum(2, 200, 0, 0)
    assert (await archive.key_usage("key_none", START)).total == Sum()

    at = AT + 10
    refused = [replace(refusal(f"ref_{n}"), at=at, code="X", limit="month", amount=n) for n in (1, 2)]
    others = [replace(refusal("ref_3"), key="k9", at=at), replace(refusal("ref_4"), at=AT - 1)]
    unpriced = replace(refusal("ref_5"), at=at, code="Y", limit=None, amount=None)
    await archive.write_refused(token, "1-0", [*refused, *others, unpriced])
    assert (await archive.key_usage(key, START)).refused == (Turned("X", "month", 2, 3), Turned("Y", None, 1, 0))
    await archive.close()
