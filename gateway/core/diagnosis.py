"""What state a gateway is in, in sentences, and what of it needs somebody.

The rule of this file: a sentence says what is so, a finding also says what to do; neither names a secret or a prompt.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.core.finding import Finding
from gateway.core.history import LIVES, Sighting
from gateway.core.hold_advice import Doubt, doubt_sentence, doubt_step
from gateway.core.key_list import SOON
from gateway.core.remains import Damage

_LONG_DUE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What the store says: how many keys it has, how many holds in which state, how long the oldest has been due.

    `keys_expiring` of the usable keys expire within `key_list.SOON`.
    `skew` is our clock minus the store's; `lag` how long the oldest entry has waited that the SQL ledger lacks.
    """

    keys: int
    holds: Mapping[str, int]
    oldest_due: timedelta
    skew: timedelta
    sighting: Sighting | None
    lag: timedelta = timedelta()
    keys_expiring: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What one gateway knows. `store` is None where the store does not say.

    `unacknowledged` moves wait for the store's answer; `spool_fill` is how much of the spool's room they take (1: all);
    `damage` is what could not be read of it at the start. `kept_out` is a live policy version that cannot be used, and
    `mistakes` how many mistakes it has. `doubts` are the oldest of the holds in doubt; `closed` are the models that are
    refused because the upstream did not keep their prices.
    """

    store: StoreFigures | None
    unacknowledged: int
    spool_fill: float
    damage: tuple[Damage, ...]
    policy: str | None
    kept_out: str | None
    mistakes: int
    export: str | None = None
    doubts: tuple[Doubt, ...] = ()
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, and the state in sentences. All is well where nothing was found."""

    findings: tuple[Finding, ...]
    state: tuple[str, ...]
    figures: Figures | None = None

    @property
    def well(self) -> bool:
        return not self.findings


def ailments(figures: Figures) -> Iterator[Finding]:
    """What needs somebody, besides what forbids admission."""
    if figures.store is not None:
        yield from _keys(figures.store)
        yield from _open_holds(figures.store)
    for doubt in figures.doubts:
        yield Finding("holds", doubt_sentence(doubt), doubt_step(doubt))
    if figures.unacknowledged:
        yield Finding(
            "moves",
            f"{_count(figures.unacknowledged, 'move')} of holds wait for the store to acknowledge them.",
            "They are made again until it does. If it is sound and they stay, the log says what it answers.",
        )
    if figures.spool_fill >= 1:
        yield Finding(
            "spool",
            "The spool is full of accepted jobs that the store has not acknowledged: no new holds are made.",
            "Mend the store. Keep the data directory: these jobs are written down nowhere else.",
        )
    for damage in figures.damage:
        if damage.lines:
            yield Finding(
                "spool",
                f"The spool file {damage.file} had {_count(damage.lines, 'damaged line')} when this gateway started.",
                "They may have named accepted jobs: compare the upstream's list of jobs with the ledger. This is told "
                "at every start until the file goes, after 7 days.",
            )
    if figures.export is not None:
        yield Finding(
            "export",
            f"Nothing is exported to the SQL ledger: {figures.export}",
            "Look at the database that TOLLHOUSE_DATABASE_URL names; see docs/ledger.md. Entries wait in the store, "
            "untrimmed; when there are too many, no holds are made.",
        )
    yield from _policies(figures)
    for model in figures.closed:
        yield _closed(model)


def _keys(store: StoreFigures) -> Iterator[Finding]:
    if store.keys == 0:
        yield Finding(
            "keys",
            "The store has no keys: nobody can submit. Those of an earlier store are gone with it.",
            "Issue them anew; run for each: tollhouse key issue --team TEAM --name NAME.",
        )


def _open_holds(store: StoreFigures) -> Iterator[Finding]:
    in_doubt, long_due = store.holds.get("in_doubt", 0), store.oldest_due > _LONG_DUE
    if not in_doubt and not long_due:
        return
    due = f"; the oldest has been due for {_lasted(store.oldest_due)}" if long_due else ""
    yield Finding(
        "holds",
        f"{_count(in_doubt, 'hold')} {'is' if in_doubt == 1 else 'are'} in doubt{due}.",
        "Nobody knows whether the upstream took these jobs. Their money stays held until there is evidence, which is "
        "looked for. Run: tollhouse hold list --in-doubt. It names the commands that decide each.",
    )


def _policies(figures: Figures) -> Iterator[Finding]:
    if figures.kept_out is not None:
        yield Finding(
            "policies",
            f"The live policy version {figures.kept_out} has {_count(figures.mistakes, 'mistake')} "
            f"and is kept out; {figures.policy or 'no version'} decides, and is refused by the store.",
            "Run: tollhouse policy show; it names them. When the files are mended, run: tollhouse policy apply.",
        )
    elif figures.policy is None:
        yield Finding("policies", "No policies are live.", "Run: tollhouse policy apply.")


def _closed(model: str) -> Finding:
    return Finding(
        "prices",
        f'The price of "{model}" is closed, and its submits are refused: the upstream charged more for it, three times '
        "within an hour.",
        "Write what it costs into the price files, and run: tollhouse policy apply. "
        f"If the price was right after all, run: tollhouse price reopen {model}.",
    )


def state(figures: Figures) -> Iterator[str]:
    """What is so, whether or not it is well."""
    if figures.store is not None:
        yield from _store(figures.store)
    yield (
        f"{_count(figures.unacknowledged, 'move')} wait for the store's answer; "
        f"the spool is {figures.spool_fill:.0%} full of what it has not acknowledged."
    )
    if figures.policy is not None and figures.kept_out is None:
        yield f"Policy version {figures.policy} decides."


def _store(store: StoreFigures) -> Iterator[str]:
    seen, holds = store.sighting, store.holds
    if seen is not None:
        yield (
            f'The store serves "{seen.organization}" in epoch {seen.epoch}, at entry {seen.sequence}; '
            f"our clock is {store.skew.total_seconds():+.3f} s off its."
        )
        alive = sum(peer.silent <= LIVES for peer in seen.peers)
        yield f"{_count(alive, 'gateway')} {'has' if alive == 1 else 'have'} been heard of within ten seconds."
    yield (
        f"{_count(holds.get('held', 0), 'hold')} under way, {holds.get('in_doubt', 0)} in doubt, "
        f"{_count(holds.get('captured', 0), 'job')} running."
    )
    if lost := holds.get("lost", 0):
        yield f"{_count(lost, 'job')} lost: nobody knows how they ended. Their money stays posted; an end still counts."
    yield _exported(store.lag)
    if store.keys_expiring:
        expire = f"{_count(store.keys_expiring, 'key')} {'expires' if store.keys_expiring == 1 else 'expire'}"
        yield f"{expire} within {SOON.days} days. Run: tollhouse key list --expiring {SOON.days}d."


def _exported(lag: timedelta) -> str:
    if lag:
        return f"The oldest entry that the SQL ledger lacks has waited for {lag.total_seconds():.1f} s."
    return "The SQL ledger has every entry."


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _lasted(lasts: timedelta) -> str:
    minutes = int(lasts.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
