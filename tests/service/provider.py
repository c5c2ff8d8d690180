"""A provider in memory for tests of settling: its list of jobs, page by page, and what it says of single ones."""

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.core.job_page import PAGE_SIZE
from gateway.core.reply import NotSent, Reply, UpstreamResult
from gateway.ports import Outgoing, Question, Unanswered


def reply(status: int, body: object) -> Reply:
    return Reply(status, {}, json.dumps(body).encode())


def error(status: int, code: str, **details: object) -> Reply:
    return reply(status, {"success": False, "error": {"code": code, "message": "", "details": details}})


@dataclass
class Made:
    """One job as the provider has it. `hidden` ones are not in the list."""

    id: str
    model: str
    created_at: datetime
    status: str = "processing"
    hidden: bool = False

    def row(self) -> dict[str, object]:
        text = self.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"jobId": self.id, "model": self.model, "status": self.status, "createdAt": text, "completedAt": None}


@dataclass
class Provider:
    """Implements `ports.Upstream`. `answers` are given first, in turn, whatever is asked; None: as it should be."""

    made: dict[str, Made] = field(default_factory=dict)
    answers: deque[Reply | Unanswered | None] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    peak: int = 0
    _newest_first: list[Made] = field(default_factory=list)

    def make(self, job: str, model: str, created_at: datetime, **more: Any) -> Made:
        self._newest_first = []
        self.made[job] = Made(job, model, created_at, **more)
        return self.made[job]

    def lists(self) -> int:
        """How many pages were asked for."""
        return sum(path.startswith("/v1/jobs?") for path in self.asked)

    async def ask(self, question: Question) -> Reply | Unanswered:
        assert question.method == "GET"
        self.asked.append(question.path)
        answer = self.answers.popleft() if self.answers else None
        if answer is not None:
            return answer
        url = urlsplit(question.path)
        if url.path == "/v1/jobs":
            return self._page(parse_qs(url.query))
        made = self.made.get(url.path.removeprefix("/v1/jobs/"))
        return error(404, "JOB_NOT_FOUND") if made is None else reply(200, made.row())

    def _page(self, query: dict[str, list[str]]) -> Reply:
        assert query["limit"] == [str(PAGE_SIZE)]
        if len(self._newest_first) != len(self.made):
            self._newest_first = sorted(self.made.values(), key=lambda one: one.created_at, reverse=True)
        shown = self._newest_first
        if any(one.hidden for one in shown):
            shown = [one for one in shown if not one.hidden]
        start = int(query.get("cursor", ["0"])[0])
        rows, more = shown[start : start + PAGE_SIZE], len(shown) > start + PAGE_SIZE
        cursor = str(start + PAGE_SIZE) if more else None
        return reply(200, {"jobs": [one.row() for one in rows], "nextCursor": cursor, "hasMore": more})

    @asynccontextmanager
    async def slot(self) -> AsyncIterator["Provider"]:
        yield self

    async def submit(self, outgoing: Outgoing) -> UpstreamResult:
        return NotSent("nobody submits here")
