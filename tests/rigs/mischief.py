"""Webhooks as bad networks and bad people deliver them: twice, forged, stale, and at somebody else's address."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final

from aiohttp import ClientError, ClientSession

from gateway.sandbox import SandboxConfig, webhooks
from gateway.sandbox.jobs import Job, Status
from gateway.sandbox.world import Clock

_STALE: Final = timedelta(minutes=6)
_OPPOSITE: Final = {Status.COMPLETED: Status.FAILED, Status.FAILED: Status.COMPLETED}

_deliver: Final = webhooks._deliver


@dataclass(slots=True)
class Mischief:
    """In the place of the sandbox's own delivery, which it calls as well.

    `addresses` are those of all jobs. `done` counts what it did, `believed` what of it was
    taken that nobody may believe.
    """

    rng: Random
    addresses: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    believed: int = 0

    async def deliver(self, session: ClientSession, config: SandboxConfig, clock: Clock, job: Job, url: str) -> None:
        """Forge, deliver, deliver again, and tell of this job where another one's end is to be told."""
        secret, now = config.webhook_secret, int(clock().timestamp())
        lie, truth = _lie(job), webhooks.encoded(job)
        if self._draws("forged"):
            self.believed += await _posted(session, url, lie, webhooks.signed(lie, now, f"not {secret}"))
        if self._draws("altered"):
            self.believed += await _posted(session, url, lie, webhooks.signed(truth, now, secret))
        if self._draws("stale"):
            long_ago = now - int(_STALE.total_seconds())
            self.believed += await _posted(session, url, lie, webhooks.signed(lie, long_ago, secret))
        await _deliver(session, config, clock, job, url)
        if self._draws("twice"):
            await _deliver(session, config, clock, job, url)
        if self._draws("elsewhere"):
            elsewhere = self.rng.choice(self.addresses[-100:])
            await _posted(session, elsewhere, truth, webhooks.signed(truth, now, secret))

    def _draws(self, what: str) -> bool:
        drawn = self.rng.random() < 0.25
        self.done[what] += drawn
        return drawn


def _lie(job: Job) -> bytes:
    """The opposite of what became of it, in words that nobody but the provider should be able to say."""
    assert job.ended is not None
    return webhooks.encoded(job).replace(str(job.ended).encode(), str(_OPPOSITE[job.ended]).encode())


async def _posted(session: ClientSession, url: str, body: bytes, headers: dict[str, str]) -> bool:
    """Whether it was taken."""
    try:
        async with session.post(url, data=body, headers=headers) as reply:
            return reply.status < 300
    except (ClientError, TimeoutError):
        return False
