"""Every fault at once, for a thousand jobs or for twenty thousand: in the end all books say the same of every job.

The provider discounts, charges odd prices, fails jobs, hangs, hangs up, answers what cannot be read; webhooks come
twice, forged, stale and at wrong addresses; clients cancel, look, and ask again; gateways and the store are killed.
Then the SQL ledger and the store must equal the provider's own account book, job by job: id, team, charge, refund.

`make soak` is the long form of it. `pytest -s` prints the seed and what happened; `CRASH_SEED=N` draws the same faults,
kills and submits again, `FAULT_JOBS=N` so many jobs.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

import pytest

from tests.crash.fault_run import CEILINGS, FATES, FaultRun, go, open_run
from tests.crash.reckoning import (
    charged_upstream,
    differences,
    in_the_store,
    out_of_balance,
    overspent_and_ended_twice,
    read_statement,
)
from tests.rigs.child import until_so
from tests.rigs.provider import Account

pytestmark = [pytest.mark.xdist_group("crash"), pytest.mark.long, pytest.mark.system]

JOBS: Final = int(os.environ.get("FAULT_JOBS") or 1000)
DEATHS: Final = 12


async def test_all_books_say_the_same_of_every_job(seed: int) -> None:
    async with open_run(seed) as run:
        await go(run, JOBS, DEATHS)
        await until_so(run.fleet.all_exported)
        account, diary = await run.fleet.provider.account(), await run.fleet.provider.diary()
        books, statement = await run.fleet.books(), read_statement(run.fleet.database)
        tell(run, account, Counter(line.kind for line in statement.entries))
        teams = {attempt.request: run.teams[attempt.key] for attempt in run.fleet.crowd.attempts}
        assert differences(statement.jobs, charged_upstream(account, diary, teams)) == []
        assert in_the_store(books, statement) == []
        assert out_of_balance(statement, books) == []
        assert overspent_and_ended_twice(statement, CEILINGS) == []
        assert account.believed == 0
        made = {note.request: note.job for note in diary.notes if note.job is not None}
        judge_orders(run, made)
        judge_events(run, account, made)
        assert_all_happened(run, account)


def tell(run: FaultRun, account: Account, kinds: Counter[str]) -> None:
    """For people."""
    ends = Counter(status for _, _, status in account.lines.values())
    print(f"{len(account.lines)} jobs: {dict(ends)}; deaths: {dict(run.deaths)}")
    print(f"orders: {dict(run.fates)}; cancels by status: {dict(run.cancels)}")
    print(f"clients were told: {dict(run.fleet.crowd.told())}; {len(run.receiver.requests)} webhooks")
    print(f"mischief: {account.mischief}; entries: {dict(kinds)}")


def judge_orders(run: FaultRun, made: Mapping[str, str]) -> None:
    """However often an order was asked for, it is one job at most, and every answer to it names that job."""
    jobs: dict[int, set[str]] = defaultdict(set)
    for request, order in run.orders.items():
        if request in made:
            jobs[order.number].add(made[request])
    for attempt in run.fleet.crowd.accepted:
        jobs[run.orders[attempt.request].number].add(attempt.job)
    assert [number for number, several in jobs.items() if len(several) > 1] == []


def judge_events(run: FaultRun, account: Account, made: Mapping[str, str]) -> None:
    """Every client hears of its own job and no other, under one event id, and what became of it in truth.

    Each order named an address of its own. Of a cancelled job the provider tells nothing.
    """
    told: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for path, headers, body in run.receiver.requests:
        said = json.loads(body)
        told[path].add((headers["Tollhouse-Event-Id"], said["jobId"], said["status"]))
    wanted = {order.path: made[request] for request, order in run.orders.items() if order.webhook and request in made}
    assert set(told) <= set(wanted)
    for path, job in wanted.items():
        status = account.lines[job][2]
        expected = [] if status == "cancelled" else [(job, status)]
        assert [(about, said) for _, about, said in told[path]] == expected, path


def assert_all_happened(run: FaultRun, account: Account) -> None:
    """A run in which something never happened has shown nothing of it."""
    assert len(account.lines) >= JOBS
    assert all(run.fates[fate] for fate in FATES), run.fates
    assert all(account.mischief.values()), account.mischief
    assert {status for _, _, status in account.lines.values()} == {"completed", "failed", "cancelled"}
