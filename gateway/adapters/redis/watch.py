"""How a gateway looks at the store's history, closes admission when some of it is gone, and opens it again.

What a look means is decided in `core/history.py`; each script here does one thing, whole, and only to the epoch that
the decision was about.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Argument, Command, Script
from gateway.core.acceptance import Witness
from gateway.core.history import LIVES, PATIENCE, Freeze, Memory, Peer, Sighting

_LOOK: Final = Script("look")
_BEAT: Final = Script("beat")
_FREEZE: Final = Script("freeze")
_THAW: Final = Script("thaw")
_TAG: Final = b"greeting"
_HISTORY: Final = [keys.STORE, keys.ENTRIES, keys.GATEWAYS]

Run: TypeAlias = Callable[[Script, list[str], list[Argument]], Awaitable[list[Any]]]


def straight(command: Command) -> Run:
    """Scripts on one connection that is not open to anything else yet. Whole, because who knows what it remembers."""

    async def run(script: Script, names: list[str], arguments: list[Argument]) -> list[Any]:
        _, reply = await command("EVAL", script.text, len(names), *names, *arguments, _TAG)
        return list(reply)

    return run


class RedisWatch:
    """Implements `fence.Watch`, by scripts that are run by the store or on one connection of it.

    Admission stays frozen for `patience` at least; a gateway that was silent for longer than `lives` is not waited for.
    """

    def __init__(self, run: Run, patience: timedelta = PATIENCE, lives: timedelta = LIVES) -> None:
        self._run = run
        self._waits = [codec.duration(patience), codec.duration(lives)]

    async def look(self, memory: Memory) -> Sighting | None:
        remembered = memory.witness.sequence if memory.witness else 0
        reply = await self._run(_LOOK, _HISTORY, [remembered])
        return None if reply[0] == b"uninitialised" else _sighting([part.decode() for part in reply[1:]], remembered)

    async def freeze(self, expected: str, fresh: str, lost_from: int, lost_to: int) -> bool:
        reply = await self._run(_FREEZE, [keys.STORE], [expected, fresh, lost_from, lost_to])
        return bool(reply[0] == b"frozen")

    async def beat(self, epoch: str, boot: str, highest: int, replayed: str) -> None:
        await self._run(_BEAT, [keys.STORE, keys.GATEWAYS], [epoch, boot, highest, replayed])

    async def thaw(self, expected: str, fresh: str, now: datetime) -> int | None:
        reply = await self._run(_THAW, _HISTORY, [codec.micros(now), expected, fresh, *self._waits])
        return int(reply[1]) if reply[0] == b"thawed" else None


def _sighting(parts: list[str], remembered: int) -> Sighting:
    now, epoch, organization, sequence, first, frozen, frozen_at, lost_from, lost_to, *parts = parts
    room_to, of_epoch, hold, *lines = parts
    return Sighting(
        at=codec.instant(int(now)),
        epoch=epoch,
        organization=organization,
        sequence=int(sequence),
        first=int(first),
        entry=Witness(of_epoch, remembered, hold) if of_epoch else None,
        freeze=_freeze(frozen, int(now), frozen_at, lost_from, lost_to, int(sequence)) if frozen else None,
        peers=tuple(_peer(boot, line, int(now)) for boot, line in zip(lines[::2], lines[1::2], strict=True)),
        room_to=int(room_to) if room_to else None,
    )


def _freeze(reason: str, now: int, since: str, lost_from: str, lost_to: str, sequence: int) -> Freeze:
    """A freeze without figures was made by hand, and says no more than that it is there."""
    return Freeze(
        reason,
        timedelta(microseconds=max(0, now - int(since))) if since else timedelta(),
        int(lost_from or sequence + 1),
        int(lost_to or sequence),
    )


def _peer(boot: str, line: str, now: int) -> Peer:
    beat, seen, replayed = line.split(" ", 2)
    return Peer(boot, timedelta(microseconds=max(0, now - int(beat))), int(seen), replayed)
