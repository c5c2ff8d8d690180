"""What can be seen of a gateway that does not answer: its data directory, and its store where others share it.

The rule of this file: it looks and changes nothing. It starts no store, takes no lock for longer than a look, and says
nothing to a store that would be heard by others.
"""

import fcntl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from shlex import quote
from typing import Final

from gateway.adapters.keepsake import KeepsakeFile, KeepsakeUnreadable
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.redis.watch import RedisWatch
from gateway.adapters.system import SystemClock
from gateway.core.diagnosis import Diagnosis
from gateway.core.finding import Finding, names
from gateway.core.history import Judgement, Kept, Memory, judge
from gateway.core.history_findings import history_failings
from gateway.core.store_condition import Check, failings, silence
from gateway.ports import StoreUnavailable
from gateway.settings import Settings
from gateway.wiring.store import open_store
from gateway.wiring.trouble import CannotStart

_KEEPSAKE: Final = "witness.json"


async def examine(settings: Settings, unanswered: str) -> Diagnosis:
    """What is wrong besides that the control plane does not answer, which `unanswered` says in a sentence."""
    findings = [Finding("gateway", unanswered, _step(settings))]
    there = "" if settings.data_dir.is_dir() else ", and is not there"
    state = [f"The data directory is {settings.data_dir.absolute()}{there}."]
    kept = None
    path = settings.data_dir.absolute() / _KEEPSAKE
    try:
        kept = KeepsakeFile(path).read()
    except KeepsakeUnreadable as error:
        findings.append(Finding("witness", f"{error}.", f"If the store is as it was left, run: rm {quote(str(path))}."))
    if kept is not None:
        state.append(f"It remembers a store in epoch {kept.memory.epoch}, at entry {kept.memory.highest}.")
    if settings.embedded:
        findings += _embedded(settings.data_dir, kept)
    else:
        findings += [finding async for finding in _shared(settings, kept)]
    return Diagnosis(tuple(findings), tuple(state))


def _step(settings: Settings) -> str:
    if any(_taken(settings.data_dir / name / "lock") for name in ("spool", "store")):
        return (
            "A process is using the data directory: it may be starting, or listen elsewhere "
            "(TOLLHOUSE_CONTROL_LISTEN there, TOLLHOUSE_CONTROL_URL here). Its log says."
        )
    return "Run: tollhouse serve. If it runs elsewhere, set TOLLHOUSE_CONTROL_URL."


def _taken(lock: Path) -> bool:
    """Whether a process holds this lock."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _embedded(data_dir: Path, kept: Kept | None) -> list[Finding]:
    """The embedded store runs with its gateway alone; its file must be there."""
    if kept is None or any((data_dir / "store" / "appendonlydir").glob("*")):
        return []
    sentence = "The embedded store's files are gone, and this gateway has used them before."
    return [Finding(Check.EPOCH, sentence, "Restore them; if they are lost for good, run: tollhouse store init.")]


async def _shared(settings: Settings, kept: Kept | None) -> AsyncIterator[Finding]:
    async with AsyncExitStack() as stack:
        try:
            store = await open_store(stack, settings, lambda *_: None)
            for finding in await _look(store, settings, kept):
                yield finding
        except (CannotStart, StoreUnavailable) as error:
            yield silence(str(error))


async def _look(store: Store, settings: Settings, kept: Kept | None) -> list[Finding]:
    condition = await RedisVitals(store).condition(SystemClock().now())
    findings = list(failings(condition, settings.store_allow))
    if Check.PRIMARY in names(findings):
        return findings
    memory = kept.memory if kept is not None else Memory("")
    seen = await RedisWatch(store.run).look(memory)
    organization = (kept.organization if kept else None) or (seen.organization if seen else "")
    findings += history_failings(seen, organization)
    if kept is not None and seen is not None and judge(memory, seen) is Judgement.LOST:
        findings.append(
            Finding(
                Check.THAWED,
                "The store lacks entries that this gateway has seen.",
                "Run: tollhouse serve. It freezes admission, replays what it knows, and opens it again.",
            )
        )
    return findings
