"""No stranger's job: whatever is another's answers exactly as if it had never been, at the same cost.

The same status, the same bytes, the same headers, the same calls to the store and to the upstream.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.upstream import HttpUpstream
from gateway.core.job_list import read_cursor
from gateway.core.reply import Reply
from gateway.ports import Question, Unanswered
from gateway.sandbox import Faults
from gateway.service.rounds import Rounds
from tests.walkthrough.house import Answer, House, Key, open_house
from tests.walkthrough.policies import budget, team

NEVER_JOB = "job_000000000000000000000000"
NEVER_UPLOAD = "00000000-0000-0000-0000-000000000000"
PNG = {"filename": "a.png", "contentType": "image/png"}


@dataclass(frozen=True, slots=True)
class Calls:
    """Every call of the gateway to the store and to the upstream, by name."""

    store: list[str]
    upstream: list[str]

    def clear(self) -> None:
        self.store.clear()
        self.upstream.clear()


async def _no_round(_rounds: Rounds) -> None:
    """Nobody wants to know anything."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls([], [])
    command, run, ask = Store.command, Store.run, HttpUpstream.ask

    async def counted_command(store: Store, name: str, *words: Any) -> Any:
        # What goes on in the background is of no request.
        ours = (keys.key(""), keys.digest(""), keys.job(""), keys.upload(""), keys.hold(""))
        if any(str(word).startswith(ours) for word in words[:1]):
            made.store.append(name)
        return await command(store, name, *words)

    async def counted_run(store: Store, script: Any, names: Any, arguments: Any) -> Any:
        if script.name in ("owner", "job_page", "mark", "note"):
            made.store.append(script.name)
        return await run(store, script, names, arguments)

    async def counted_ask(upstream: HttpUpstream, question: Question) -> Reply | Unanswered:
        made.upstream.append(question.path)
        return await ask(upstream, question)

    monkeypatch.setattr(Store, "command", counted_command)
    monkeypatch.setattr(Store, "run", counted_run)
    monkeypatch.setattr(HttpUpstream, "ask", counted_ask)
    # Nor is what is done about jobs that run.
    monkeypatch.setattr(Rounds, "round", _no_round)
    return made


# What names a job or an upload, and how.
ROUTES: list[tuple[str, Callable[[str], str], str]] = [
    ("GET", "/v1/jobs/{}".format, "job"),
    ("GET", "/v1/jobs/{}?a=b".format, "job"),
    ("POST", "/v1/jobs/{}/cancel".format, "job"),
    ("GET", "/v1/uploads/{}".format, "upload"),
]


def essence(answer: Answer, named: str) -> tuple[int, dict[str, str], str]:
    """All of it, but what differs between any two requests, and what was asked for."""
    headers = {name: text for name, text in answer.headers.items() if name.lower() not in ("date", "x-request-id")}
    body = answer.body.decode().replace(answer.headers["X-Request-Id"], "req")
    return answer.status, headers, body.replace(named, "...")


async def everything_of(house: House, key: Key) -> dict[str, list[str]]:
    """A job that runs, one that ended, one that failed, and an upload, all of one key."""
    jobs = []
    for faults in (
        Faults(pending_seconds=60),
        Faults(pending_seconds=0, processing_seconds=0),
        Faults(failure_rate=1, pending_seconds=0, processing_seconds=0),
    ):
        house.sandbox.world.faults = faults
        jobs.append((await house.submit(key)).document["jobId"])
        assert (await house.ask("GET", f"/v1/jobs/{jobs[-1]}", key)).status == 200
    upload = (await house.ask("POST", "/v1/uploads/presign", key, body=PNG)).document["data"]["fileId"]
    assert (await house.ask("GET", f"/v1/uploads/{upload}", key)).status == 200
    return {"job": jobs, "upload": [upload]}


@pytest.mark.parametrize(("owner", "stranger"), [("video", "audio"), ("audio", "video")])
async def test_what_is_anothers_cannot_be_told_from_what_never_was(calls: Calls, owner: str, stranger: str) -> None:
    async with open_house(team(budget("9.00")), team(budget("9.00"), slug="audio")) as house:
        theirs = await everything_of(house, await house.key(owner))
        # Their colleagues see it, also with another key.
        assert (await house.ask("GET", f"/v1/jobs/{theirs['job'][0]}", await house.key(owner))).status == 200
        strangers = [await house.key(stranger), await house.key(owner, test=True)]
        asked_before = len(house.sandbox.jobs.by_id)
        for key in strangers:
            await house.me(key)
            for method, path, kind in ROUTES:
                never = NEVER_JOB if kind == "job" else NEVER_UPLOAD
                calls.clear()
                absent = await house.ask(method, path(never), key)
                wanted, costs = essence(absent, never), list(calls.store)
                assert (absent.status, absent.code) == (404, "JOB_NOT_FOUND" if kind == "job" else "NOT_FOUND")
                assert calls.upstream == []
                for named in theirs[kind]:
                    calls.clear()
                    assert essence(await house.ask(method, path(named), key), named) == wanted, path(named)
                    assert (calls.store, calls.upstream) == (costs, [])
        assert len(house.sandbox.jobs.by_id) == asked_before
        entries = [entry.kind for entry in await house.entries()]
        assert sorted(entries) == sorted(["hold", "captured"] * 3 + ["finished", "refunded"])


async def test_a_list_shows_nothing_of_others_whatever_is_asked_for() -> None:
    async with open_house(team(budget("9.00")), team(budget("9.00"), slug="audio")) as house:
        owner, stranger = await house.key(), await house.key("audio")
        theirs = await everything_of(house, owner)
        page = (await house.ask("GET", "/v1/jobs?limit=1", owner)).document
        cursor = page["nextCursor"]
        place = read_cursor(cursor)
        assert place is not None
        empty = {"jobs": [], "nextCursor": None, "hasMore": False}
        for query in (
            "",
            "?limit=100",
            f"?cursor={cursor}",
            "?status=failed",
            "?status=pending",
            f"?modelId={page['jobs'][0]['model']}",
        ):
            answer = await house.ask("GET", f"/v1/jobs{query}", stranger)
            assert (answer.status, answer.document) == (200, empty), query
        ours = (await house.submit(stranger)).document["jobId"]
        listed = (await house.ask("GET", f"/v1/jobs?limit=100&cursor={cursor}", stranger)).document["jobs"]
        assert ours not in theirs["job"]
        assert [row["jobId"] for row in listed] in ([], [ours])
        assert [row["jobId"] for row in (await house.ask("GET", "/v1/jobs", stranger)).document["jobs"]] == [ours]
        assert len((await house.ask("GET", "/v1/jobs", owner)).document["jobs"]) == 3


async def test_identifiers_of_any_form_are_nobodys() -> None:
    async with open_house() as house:
        key = await house.key()
        held = (await house.submit(key)).hold
        for name in (held, f"hold:{held}", "toll:job:x", "store", "*", "a" * 4000, "-", "~", "video", "jobs"):
            for method, path, kind in ROUTES:
                answer = await house.ask(method, path(name), key)
                assert (answer.status, answer.code) == (404, "JOB_NOT_FOUND" if kind == "job" else "NOT_FOUND"), name


async def test_whoever_may_not_learns_nothing_before_that() -> None:
    """A key without the scope, a revoked key and none get the same answer for a job of theirs, of others, and none."""
    async with open_house(team(budget("9.00")), team(budget("9.00"), slug="audio")) as house:
        theirs = (await house.submit(await house.key("audio"))).document["jobId"]
        mute = await house.key(scopes=["list_models"])
        ours = (await house.submit(await house.key())).document["jobId"]
        for key, status in ((mute, 403), (None, 401)):
            for method, path, kind in ROUTES:
                if kind == "job":
                    found = [essence(await house.ask(method, path(job), key), job) for job in (theirs, ours, NEVER_JOB)]
                    assert found[0] == found[1] == found[2]
                    assert found[0][0] == status


@pytest.mark.parametrize("name", ["video", "audio"])
async def test_in_a_store_that_may_have_lost_history_nobody_guesses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(team(budget("9.00")), team(budget("9.00"), slug="audio")) as house:
        owner, other = await house.key(), await house.key("audio")
        job = (await house.submit(owner)).document["jobId"]
        monkeypatch.setattr("gateway.service.guard.Guard.doubted", property(lambda _: "history was lost"))
        key = owner if name == "video" else other
        for method, path, kind in ROUTES:
            missing = await house.ask(method, path(NEVER_JOB if kind == "job" else NEVER_UPLOAD), key)
            assert (missing.status, missing.code) == (503, "STORE_UNAVAILABLE")
            if kind == "job":
                theirs = await house.ask(method, path(job), key)
                assert theirs.status == (200 if key is owner else 503), path(job)
        listed = await house.ask("GET", "/v1/jobs", key)
        assert (listed.status, listed.code) == (503, "STORE_UNAVAILABLE")
