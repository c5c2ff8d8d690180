"""Events on their way to clients: sent as they become due, in the background, by whichever gateway takes them.

The rule of this file: at least once, and no team waits for another's slow receiver. What a gateway that dies had taken,
another one takes again when the lease is over.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from gateway.core.delivery import EVENT_ID, Attempt, Delivery, DeliveryState, Next, after
from gateway.core.webhook_signature import signed
from gateway.ports import Clock, StoreUnavailable
from gateway.service.team_secrets import SecretLost, TeamSecret

_PAUSE_S: Final = 0.1
_AT_ONCE: Final = 256
_OF_A_TEAM: Final = 16
_LOST: Final = "secret lost with its pepper; rotate it"


class Due(Protocol):
    """The events that are to be sent. All raise StoreUnavailable."""

    async def teams(self) -> tuple[str, ...]:
        """The teams that may have something due."""
        ...

    async def take(self, team: str, now: datetime, most: int) -> tuple[Delivery, ...]:
        """Those of a team that are due; nobody else gets them before the lease is over."""
        ...

    async def note(self, delivery: Delivery, attempt: Attempt, then: Next) -> bool:
        """Write down what came of an attempt; False where it changes nothing any more."""
        ...


class Events(Protocol):
    """All events, for whoever administers. All raise StoreUnavailable."""

    async def find(self, event_id: str) -> Delivery | None: ...

    async def newest(self, limit: int, team: str | None, state: DeliveryState | None) -> tuple[Delivery, ...]:
        """Those of a team, in a state, if these are named: the newest first, so many at most."""
        ...

    async def renew(self, delivery: Delivery, now: datetime) -> bool:
        """Have it sent anew, at once; False when it is gone."""
        ...


class Postman(Protocol):
    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | str:
        """The status of the answer, or why there was none, in words that quote nothing."""
        ...


class Secrets(Protocol):
    async def of(self, team: str) -> TeamSecret | SecretLost: ...


@dataclass(frozen=True, slots=True)
class Deliver:
    """`count` hears of each attempt: the team, and where the event stands then."""

    due: Due
    postman: Postman
    secrets: Secrets
    clock: Clock
    count: Callable[[str, DeliveryState], None]
    running: Counter[str] = field(default_factory=Counter)

    async def __call__(self) -> None:
        """Send for ever, until cancelled. What is being sent then is sent again after its lease."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                # Events stay due where the store does not answer. The next round asks again.
                with suppress(StoreUnavailable):
                    await self._begin(tasks)
                await asyncio.sleep(_PAUSE_S)

    async def _begin(self, tasks: asyncio.TaskGroup) -> None:
        """Take what is due and begin to send it, as far as there is room."""
        for team in await self.due.teams():
            room = min(_OF_A_TEAM - self.running[team], _AT_ONCE - self.running.total())
            if room <= 0:
                continue
            for delivery in await self.due.take(team, self.clock.now(), room):
                self.running[team] += 1
                tasks.create_task(self._send(team, delivery))

    async def _send(self, team: str, delivery: Delivery) -> None:
        # Sent or not, an event of which nothing could be noted is taken again: receivers know it by its id.
        with suppress(StoreUnavailable):
            await self._attempt(delivery)
        self.running[team] -= 1

    async def _attempt(self, delivery: Delivery) -> None:
        event = delivery.event
        secret = await self.secrets.of(event.team)
        answer: int | str = _LOST
        if isinstance(secret, TeamSecret):
            signature = signed(event.body, self.clock.now(), secret.secret)
            headers = {"Content-Type": "application/json", EVENT_ID: event.id, **signature}
            answer = await self.postman.post(event.url, event.body, headers)
        attempt = _attempt(self.clock.now(), answer)
        then = after(delivery.tries, attempt)
        if await self.due.note(delivery, attempt, then):
            self.count(event.team, then.state)


def _attempt(at: datetime, answer: int | str) -> Attempt:
    if isinstance(answer, str):
        return Attempt(at, answer)
    return Attempt(at, f"status {answer}", delivered=200 <= answer < 300)
