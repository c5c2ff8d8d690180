"""The use cases on a real store without any HTTP: policies, keys, a ledger, and an upstream that does as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.adapters.policy_files import load
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.system import SystemClock
from gateway.core.key_terms import KeyTerms
from gateway.core.principal import Principal
from gateway.core.reply import Accepted, Reply, UpstreamResult
from gateway.ports import Outgoing, Question, Streamed, Unanswered
from gateway.service.keyring import Issued, Keyring
from gateway.service.policy_desk import PolicyDesk, Published
from tests.rings import ring
from tests.walkthrough.policies import ORGANIZATION, TEAM, whole

EPOCH = "epoch-1"
COST = 350_000


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the use cases work with. The desk knows what was live when it was opened, until it is refreshed."""

    store: Store
    desk: PolicyDesk
    keyring: Keyring
    ledger: RedisLedger
    clock: SystemClock

    async def principal(self, team: str = TEAM, **terms: Any) -> Principal:
        """Somebody with a new key."""
        issued = await self.keyring.issue(KeyTerms(team, "a key", **terms))
        assert isinstance(issued, Issued)
        return Principal(ORGANIZATION, issued.key, issued.key.digest)

    async def publish(self, *files: dict[str, str], remove_teams: tuple[str, ...] = ()) -> None:
        """Make policies live behind this desk's back, as another gateway or an operator would."""
        other = PolicyDesk(RedisPolicies(self.store), load, ORGANIZATION)
        assert isinstance(await other.publish(whole(*files), remove_teams), Published)


async def workshop(store: Store, *files: dict[str, str]) -> Workshop:
    """A store with these policies live."""
    await initialise(store, Identity(EPOCH, ORGANIZATION))
    desk, clock = PolicyDesk(RedisPolicies(store), load, ORGANIZATION), SystemClock()
    assert isinstance(await desk.publish(whole(*files), ()), Published)
    keyring = ring(store, desk, clock)
    return Workshop(store, desk, keyring, RedisLedger(store, EPOCH), clock)


def accepted(job_id: str = "job_1", cost: int | None = COST) -> Accepted:
    return Accepted(job_id, cost, Reply(200, {}, b'{"jobId":"..."}'))


@dataclass(slots=True)
class Told:
    """Implements `ports.Upstream` and its slots: gives the result it was told to, and keeps what it was sent.

    `events` tells the order of things, also of those that others write into it.
    """

    result: UpstreamResult = field(default_factory=accepted)
    slots: int = 1
    events: list[str] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    reply: Reply | Unanswered = field(default_factory=lambda: Unanswered("nobody said what"))
    asked: list[Question] = field(default_factory=list)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator["Told | None"]:
        if self.slots == 0:
            self.events.append("no slot")
            yield None
            return
        self.slots -= 1
        self.events.append("slot")
        try:
            yield self
        finally:
            self.slots += 1
            self.events.append("slot free")

    async def submit(self, outgoing: Outgoing) -> UpstreamResult:
        self.events.append("sent")
        self.sent.append(outgoing)
        await asyncio.sleep(0)
        return self.result

    async def ask(self, question: Question) -> Reply | Unanswered:
        self.events.append("asked")
        self.asked.append(question)
        await asyncio.sleep(0)
        return self.reply

    @asynccontextmanager
    async def passage(self, question: Question) -> AsyncIterator[Streamed | Unanswered]:
        reply = await self.ask(question)
        yield Streamed(reply, _once(reply.body)) if isinstance(reply, Reply) else reply


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
