"""Events for clients in the store: a record for each, those that are due by team, and a list of all.

The rule of this file: an event is taken by one gateway at a time, for a lease that outlasts an attempt. Two that have
it all the same send it twice, which is allowed; what came of it is written once.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.core.delivery import KEPT, KEPT_ATTEMPTS, LEASE, Attempt, Delivery, DeliveryState, Event, Next
from gateway.ports import StoreRefused

_PUT: Final = Script("put_event", "event")
_TAKE: Final = Script("take_events")
_NOTE: Final = Script("note_attempt")
_RENEW: Final = Script("renew_event")
_EVENT: Final = TypeAdapter(Event)
_FIELDS: Final = ("record", "body", "state", "tries", "attempts")
# An event is listed as long as it can still be there.
_LISTED: Final = 2 * KEPT
_PAGE: Final = 200


def event_keys(event_id: str, team: str) -> tuple[str, ...]:
    """What a script needs that puts an event up to be sent: see `lua/shared/event.lua`."""
    return keys.event(event_id), keys.EVENTS, keys.due(team), keys.TEAMS_DUE


def event_horizon(now: datetime) -> int:
    """Events from before that are not listed any more."""
    return codec.micros(now - _LISTED)


def encode_event(event: Event) -> bytes:
    """All of an event but its body."""
    return _EVENT.dump_json(event, exclude={"body"})


class RedisEvents:
    """Implements `hooks.Inbox`, `deliver.Due` and `deliver.Events`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, event: Event) -> bool:
        """Have it sent, unless it is known already: then False. Raises StoreUnavailable."""
        names = [keys.STORE, *event_keys(event.id, event.team)]
        span: tuple[Argument, ...] = codec.micros(event.at), event_horizon(event.at)
        arguments = (*span, event.id, event.team, encode_event(event), event.body)
        reply = await self._store.run(_PUT, names, arguments)
        if reply[0] == b"uninitialised":
            raise StoreRefused("the store keeps no events before it is initialised")
        return bool(reply[0] == b"put")

    async def teams(self) -> tuple[str, ...]:
        """The teams that may have something due."""
        return tuple(sorted(team.decode() for team in await self._store.command("SMEMBERS", keys.TEAMS_DUE)))

    async def take(self, team: str, now: datetime, most: int) -> tuple[Delivery, ...]:
        """Those of a team that are due, the longest due first; nobody else gets them before the lease is over."""
        names = [keys.due(team), keys.TEAMS_DUE]
        arguments: tuple[Argument, ...] = codec.micros(now), codec.micros(now + LEASE), most, team
        taken = await self._store.run(_TAKE, names, arguments)
        found = await self._find_all(taken)
        gone = [event_id for event_id, one in zip(taken, found, strict=True) if one is None]
        if gone:
            await self._store.command("ZREM", keys.due(team), *gone)
        return tuple(one for one in found if one is not None)

    async def note(self, delivery: Delivery, attempt: Attempt, then: Next) -> bool:
        """Write down what came of an attempt; False where it changes nothing any more."""
        event = delivery.event
        arguments: list[Argument] = [
            event.id,
            delivery.tries,
            then.state,
            "" if then.due is None else codec.micros(then.due),
            _line(attempt),
            KEPT_ATTEMPTS,
            KEPT // timedelta(milliseconds=1),
        ]
        reply = await self._store.run(_NOTE, [keys.event(event.id), keys.due(event.team)], arguments)
        return bool(reply[0] == b"noted")

    async def find(self, event_id: str) -> Delivery | None:
        fields = await self._store.command("HMGET", keys.event(event_id), *_FIELDS)
        if fields[0] is None:
            return None
        event = _EVENT.validate_python({**json.loads(fields[0]), "body": fields[1]})
        due = await self._store.command("ZSCORE", keys.due(event.team), event_id)
        return _delivery(event, fields[2:], due)

    async def newest(self, limit: int, team: str | None, state: DeliveryState | None) -> tuple[Delivery, ...]:
        """Those of a team, in a state, if these are named: the newest first, so many at most."""
        found: list[Delivery] = []
        start = 0
        while len(found) < limit:
            page = await self._store.command("ZRANGE", keys.EVENTS, start, start + _PAGE - 1, "REV")
            listed = [one for one in await self._find_all(page) if one is not None]
            found += [one for one in listed if team in (None, one.event.team) and state in (None, one.state)]
            start += _PAGE
            if len(page) < _PAGE:
                break
        return tuple(found[:limit])

    async def renew(self, delivery: Delivery, now: datetime) -> bool:
        """Have it sent anew, at once; False when it is gone."""
        event = delivery.event
        names = [keys.event(event.id), keys.EVENTS, keys.due(event.team), keys.TEAMS_DUE]
        reply = await self._store.run(_RENEW, names, [codec.micros(now), event.id, event.team])
        return bool(reply[0] == b"renewed")

    async def _find_all(self, event_ids: Sequence[bytes]) -> list[Delivery | None]:
        return await asyncio.gather(*(self.find(event_id.decode()) for event_id in event_ids))


def _line(attempt: Attempt) -> str:
    return f"{codec.micros(attempt.at)} {int(attempt.delivered)} {attempt.result}"


def _delivery(event: Event, fields: Sequence[bytes], due: Any) -> Delivery:
    state, tries, attempts = fields
    return Delivery(
        event,
        DeliveryState(state.decode()),
        int(tries),
        None if due is None else codec.instant(int(float(due))),
        tuple(map(_attempt, (attempts or b"").decode().splitlines())),
    )


def _attempt(line: str) -> Attempt:
    at, delivered, result = line.split(" ", 2)
    return Attempt(codec.instant(int(at)), result, delivered == "1")
