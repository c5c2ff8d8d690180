"""Routes that only pass: estimates, models, providers, the public catalogue, and uploads with their owners.

The rule of this file: an upload is its team's, as a job is. Whose it is was written down before the client heard of it,
and is read before its status is asked for. Everything else here belongs to nobody, and costs nothing.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from gateway.core.outcome import StoreDown
from gateway.core.principal import Principal
from gateway.core.reply import Reply, read_document, unwrapped
from gateway.core.value import value
from gateway.ports import Clock, Gate, Jobs, Question, StoreUnavailable, Streamed, Unanswered, Upstream


@dataclass(frozen=True, slots=True)
class NoSuchUpload:
    """No upload of the team: another's, or none at all."""


@value
class Passenger:
    """A request that passes: who asks (None: nobody in particular), the target as it was sent, headers and body.

    One without a principal goes without the real key.
    """

    principal: Principal | None
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


Passed: TypeAlias = Reply | NoSuchUpload | StoreDown | Unanswered


@dataclass(frozen=True, slots=True)
class Passage:
    """The use case and what it works with. `patience` is how long the upstream has for an answer, or its beginning."""

    jobs: Jobs
    upstream: Upstream
    sandbox: Upstream
    guard: Gate
    clock: Clock
    patience: timedelta

    async def ask(self, passenger: Passenger) -> Reply | Unanswered:
        """Pass one on that has a short answer."""
        return await self._towards(passenger).ask(self._question(passenger))

    @asynccontextmanager
    async def stream(self, passenger: Passenger) -> AsyncIterator[Streamed | Unanswered]:
        """Pass one on whose answer may be of any length."""
        async with self._towards(passenger).passage(self._question(passenger)) as answer:
            yield answer

    async def presign(self, passenger: Passenger, principal: Principal) -> Passed:
        """Ask for an upload, and write down whose it is."""
        reply = await self.ask(passenger)
        upload = _upload_of(reply) if isinstance(reply, Reply) else None
        if upload is None:
            return reply
        try:
            bound = await self.jobs.bind_upload(upload, principal.team, test=principal.key.test)
        except StoreUnavailable as error:
            return StoreDown(str(error))
        return reply if bound else Unanswered("the upstream named an upload that is another team's")

    async def upload_status(self, passenger: Passenger, principal: Principal, upload: str) -> Passed:
        try:
            owned = await self.jobs.owns_upload(upload, principal.team, test=principal.key.test)
        except StoreUnavailable as error:
            return StoreDown(str(error))
        if owned:
            return await self.ask(passenger)
        # A store that lost history may have lost this one.
        doubt = self.guard.doubted
        return NoSuchUpload() if doubt is None else StoreDown(doubt)

    def _towards(self, passenger: Passenger) -> Upstream:
        principal = passenger.principal
        return self.sandbox if principal is not None and principal.key.test else self.upstream

    def _question(self, passenger: Passenger) -> Question:
        deadline = self.clock.monotonic() + self.patience.total_seconds()
        keyed = passenger.principal is not None
        return Question(passenger.method, passenger.target, passenger.headers, passenger.body, deadline, keyed)


def _upload_of(reply: Reply) -> str | None:
    """The id of the upload that a successful presign made."""
    document = read_document(reply.body) if 200 <= reply.status < 300 else None
    upload = None if document is None else unwrapped(document).get("fileId")
    return upload if isinstance(upload, str) and upload.isascii() and upload.isprintable() and upload else None
