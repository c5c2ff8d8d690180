"""What must be true afterwards, whatever died or was out: the promises of the protocol, judged from all sides.

The store's books are held against the provider's diary, and both against what clients were told.
"""

from collections.abc import Mapping
from typing import Final

from gateway.adapters.redis import keys
from gateway.core.ledger import State
from tests.rigs.books import Books, ended_twice, jobs_bound_twice, overspent
from tests.rigs.crowd import COST, Crowd
from tests.rigs.fleet import Fleet
from tests.rigs.provider import Diary

# The limit that every job of every team counts on; see `tests/walkthrough/policies.py`.
EVERYTHING: Final = "ample"


async def all_answers_posted(fleet: Fleet) -> bool:
    """Whether every job that a client was told of is some hold's.

    The store is asked no more than that: whoever reads all the books again and again, while gateways wait to write in
    them, is what they wait for.
    """
    told = [keys.job(attempt.job) for attempt in fleet.crowd.accepted]
    return not told or None not in await fleet.store.ask("MGET", *told)


async def nothing_held(fleet: Fleet) -> bool:
    """Whether every hold has come to what it comes to without an operator: captured, void or in doubt."""
    return int(await fleet.store.ask("ZCARD", keys.OPEN[State.HELD])) == 0


def judge(crowd: Crowd, books: Books, diary: Diary, ceilings: Mapping[str, int]) -> None:
    """The promises, whatever died."""
    assert overspent(books, ceilings) == []
    assert ended_twice(books) == []
    assert jobs_bound_twice(books) == []
    judge_jobs(books, diary)
    judge_answers(crowd, books, diary)


def judge_jobs(books: Books, diary: Diary) -> None:
    """Everything that arrived at the provider was held for, and what it accepted is posted, held or in doubt."""
    sent = diary.by_request
    assert set(sent) <= set(books.by_request)
    for request, note in sent.items():
        one = books.holds[books.by_request[request]]
        if note.job is not None:
            assert one.state in ("captured", "held", "in_doubt"), (one, note)
            assert one.state != "captured" or (one.job, one.cost) == (note.job, COST)
    captured = [one for one in books.holds.values() if one.state == "captured"]
    assert {one.hold.request_id for one in captured} <= set(sent)
    posted, held = books.total(EVERYTHING)
    assert posted == len(captured) * COST
    assert posted <= diary.spent <= posted + held


def judge_answers(crowd: Crowd, books: Books, diary: Diary) -> None:
    """Every answer that a client saw is posted, and an order that was asked for many times is one job at most.

    An order that the provider refused may be asked for again, and arrives there again.
    """
    for attempt in crowd.accepted:
        one = books.holds[books.by_job[attempt.job]]
        assert (one.state, one.cost) == ("captured", COST)
        assert one.hold.id == attempt.headers["Tollhouse-Hold-Id"]
    orders = {attempt.request: attempt.idempotency for attempt in crowd.attempts if attempt.idempotency}
    made = [orders[note.request] for note in diary.notes if note.job and note.request in orders]
    assert len(made) == len(set(made))
