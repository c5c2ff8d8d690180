"""The control plane's routes for jobs: each team's list, and of one job all that happened to its money."""

from typing import Annotated, Any, Final

from pydantic import Field

from gateway.core.ending import JobStatus
from gateway.core.entry import Entry
from gateway.core.job_list import MOST, Wanted, cursor_of, read_cursor
from gateway.core.ledger import Charge, State
from gateway.core.money import format_usd
from gateway.core.role import Power
from gateway.service.job_desk import NoSuchJob
from gateway.service.job_story import Story
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import Instant, Usd
from gateway.web.limit_rows import amount, instant
from gateway.web.operation import Answer, Call, Document, Nothing, Operation, Query
from gateway.web.problem import GatewayError


class JobQuery(Query):
    """Whose jobs; those of its test keys are apart. `cursor` is one that a page named."""

    team: str
    test: bool = False
    status: JobStatus | None = None
    model: str | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 20
    cursor: str | None = None


class JobRowDocument(Document):
    """A job as last learnt."""

    job: str
    hold: str
    model: str
    status: JobStatus
    created_at: Instant
    ended_at: Instant | None


class JobPageDocument(Document):
    """The newest first; `next_cursor`, if there are more."""

    jobs: tuple[JobRowDocument, ...]
    next_cursor: str | None


class Factor(Document):
    """What the price was multiplied by, and for which option."""

    field: str
    value: str
    multiplier: str


class Account(Document):
    """An account that the job counts on, and how much: USD for the meter `usd`, else a count."""

    account: str
    meter: str
    amount: str | int


class MoveDocument(Document):
    """What an entry added to an account: micro-USD, or a count."""

    account: str
    posted: int
    held: int


class EntryDocument(Document):
    """A line of the ledger."""

    seq: int
    kind: str
    at: Instant
    moves: tuple[MoveDocument, ...]
    facts: dict[str, str]


class JobDocument(Document):
    """What a job cost, why, and what became of that. `entries` are those that SQL has; it is a second behind."""

    job: str | None
    hold: str
    team: str
    key: str
    test: bool
    model: str
    version: str | None
    state: State
    status: JobStatus | None
    created_at: Instant
    ended_at: Instant | None
    quoted_usd: Usd
    held_usd: Usd
    cost_usd: Usd | None
    refunded_usd: Usd | None
    factors: tuple[Factor, ...]
    accounts: tuple[Account, ...]
    policy: str
    rate_card: str
    request_id: str
    cause: str | None
    matched: str | None
    entries: tuple[EntryDocument, ...]


async def list_jobs(call: Call[JobQuery, None]) -> Answer | GatewayError:
    query = call.query
    after = None if query.cursor is None else read_cursor(query.cursor)
    if query.cursor is not None and after is None:
        return errors.invalid_input("cursor", '"cursor" must be one that a page of this list named.')
    if not call.by.sees(query.team):
        return admin_errors.team_unknown(query.team)
    wanted = Wanted(query.limit, after, query.status, query.model)
    page = await call.control.stories.page(query.team, wanted, test=query.test)
    rows = tuple(
        JobRowDocument(
            job=row.job,
            hold=row.place.hold,
            model=row.model,
            status=row.status,
            created_at=instant(row.created_at),
            ended_at=instant(row.ended_at),
        )
        for row in page.rows
    )
    more = None if page.following is None else cursor_of(page.following)
    return Answer(JobPageDocument(jobs=rows, next_cursor=more))


async def show_job(call: Call[Nothing, None]) -> Answer | GatewayError:
    story = await call.control.stories.tell(call.names["id"])
    if isinstance(story, NoSuchJob) or not call.by.sees(story.record.hold.team):
        return admin_errors.job_not_found(call.names["id"])
    return Answer(JobDocument(**_facts(story)))


def _facts(story: Story) -> dict[str, Any]:
    record, hold = story.record, story.record.hold
    return {
        "job": record.job,
        "hold": hold.id,
        "team": hold.team,
        "key": hold.key,
        "test": hold.test,
        "model": hold.model,
        "version": hold.version,
        "state": record.state,
        "status": record.status,
        "created_at": instant(hold.created_at),
        "ended_at": instant(record.ended_at),
        "quoted_usd": format_usd(hold.quoted),
        "held_usd": format_usd(hold.amount),
        "cost_usd": None if record.cost is None else format_usd(record.cost),
        "refunded_usd": None if record.refunded is None else format_usd(record.refunded),
        "factors": tuple(Factor(field=one.field, value=one.value, multiplier=one.multiplier) for one in hold.factors),
        "accounts": tuple(map(_account, hold.charges)),
        "policy": hold.policy,
        "rate_card": hold.rate_card,
        "request_id": hold.request_id,
        "cause": record.cause,
        "matched": record.matched,
        "entries": tuple(map(_entry, story.entries)),
    }


def _account(charge: Charge) -> Account:
    return Account(account=charge.account, meter=charge.meter, amount=amount(charge.meter, charge.amount))


def _entry(entry: Entry) -> EntryDocument:
    moves = tuple(MoveDocument(account=one.account, posted=one.posted, held=one.held) for one in entry.moves)
    return EntryDocument(seq=entry.seq, kind=entry.kind, at=instant(entry.at), moves=moves, facts=dict(entry.facts))


OPERATIONS: Final = (
    Operation(
        *("GET", "/admin/v1/jobs", "List a team's jobs", Power.READ_SPEND, list_jobs, JobPageDocument, JobQuery),
        errors=("TEAM_UNKNOWN",),
    ),
    Operation(
        *("GET", "/admin/v1/jobs/{id}", "Explain a job's cost", Power.READ_SPEND, show_job, JobDocument),
        errors=("JOB_NOT_FOUND", "ARCHIVE_UNAVAILABLE"),
    ),
)
