"""Alerts in the store: a mark for each that was raised, the newest as a list, and up to which entry was looked.

The rule of this file: what follows from raising an alert is one script, so that whoever dies half way, and whoever else
looks at the same time, raises nothing twice and loses nothing.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Script, Store
from gateway.adapters.redis.events import encode_event, event_horizon, event_keys
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.alert import LISTED, Alert, body, facts
from gateway.core.delivery import Event, EventKind
from gateway.ports import StoreRefused
from gateway.ports.alerts import Moved, Place

_ALERT: Final = Script("alert", "history", "event")
_MOVED: Final = Script("moved")
# A millisecond of the store's time, or two.
_ENTRIES: Final = 100
_PAGE: Final = 200


class RedisAlerts:
    """Implements `ports.alerts.AlertBook`. What it writes follows what `ledger` knows of the store's history."""

    def __init__(self, store: Store, ledger: RedisLedger, entries: int = _ENTRIES) -> None:
        self._store = store
        self._ledger = ledger
        self._entries = entries

    async def place(self) -> Place | None:
        place = await self._store.command("GET", keys.ALERTS_PLACE)
        if place is None:
            return None
        epoch, sequence = place.decode().rsplit(" ", 1)
        return Place(epoch, int(sequence))

    async def moved(self, after: Place | None) -> Moved:
        told: tuple[Argument, ...] = (after.epoch, after.sequence) if after else ("", 0)
        epoch, *told_back = await self._store.run(_MOVED, [keys.STORE, keys.ENTRIES], [*told, self._entries])
        if not epoch:
            return Moved(None, (), gap=False, more=False)
        last, gap, more, *accounts = told_back
        upto = Place(epoch.decode(), int(last))
        return Moved(upto, tuple(account.decode() for account in accounts), gap == 1, more == 1)

    async def looked(self, upto: Place) -> None:
        await self._store.command("SET", keys.ALERTS_PLACE, f"{upto.epoch} {upto.sequence}")

    async def put(self, alert: Alert, url: str | None) -> bool:
        memory, epoch = self._ledger.memory, self._ledger.memory.epoch
        names = [keys.STORE, keys.ENTRIES, keys.ALERTS_RAISED, keys.ALERTS, *event_keys(alert.id, alert.owner)]
        told = body(alert)
        forgotten: Argument = "+inf" if alert.forgotten_at is None else codec.micros(alert.forgotten_at)
        record = b"" if url is None else encode_event(_event(alert, url, told))
        arguments: list[Argument] = [
            *(epoch, memory.seen, codec.micros(alert.at), forgotten, alert.id, told, LISTED),
            *(event_horizon(alert.at), alert.owner, record),
            *(word for fact in facts(alert).items() for word in fact),
        ]
        came_to, said = await self._store.run(_ALERT, names, arguments)
        if came_to == b"closed":
            raise StoreRefused(f"the store raises no alerts: {said.decode()}")
        if came_to == b"raised":
            memory.wrote(epoch, int(said), alert.id)
        return bool(came_to == b"raised")

    async def newest(self, limit: int, team: str | None) -> tuple[Mapping[str, Any], ...]:
        found: list[Mapping[str, Any]] = []
        start = 0
        while len(found) < limit:
            page = await self._store.command("LRANGE", keys.ALERTS, start, start + _PAGE - 1)
            documents = map(json.loads, page)
            found += [one for one in documents if team in (None, one["team"])]
            start += _PAGE
            if len(page) < _PAGE:
                break
        return tuple(found[:limit])


def _event(alert: Alert, url: str, told: bytes) -> Event:
    return Event(alert.id, "", "", alert.owner, alert.at, url, told, EventKind.ALERT)
