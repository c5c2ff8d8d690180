"""`tollhouse store init`: an empty store gets an epoch, its organization and its first policies, by an operator's word.

The rule of this file: only what is empty is initialised, and whatever keeps that from being done changes nothing.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.initialise import Identity, identity, initialise, leftover
from gateway.adapters.system import SystemEntropy
from gateway.ports import StoreUnavailable
from gateway.settings import Settings
from gateway.wiring.store import apply_first, fresh_identity, new_desk, open_keepsake, open_store, policies_directory
from gateway.wiring.trouble import CannotStart


@dataclass(frozen=True, slots=True)
class Initialised:
    """What the store is now. `forgotten` is the epoch of the store that this data directory remembers, if any."""

    organization: str
    epoch: str
    policies: Path
    version: str
    teams: tuple[str, ...]
    forgotten: str | None


async def init_store(settings: Settings) -> Initialised:
    """Initialise the store of the settings; our own is started for it. Raises CannotStart."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _, kept = open_keepsake(settings, None)
    fresh = fresh_identity(settings, SystemEntropy())
    async with AsyncExitStack() as stack:
        store = await open_store(stack, settings, lambda *_: None)
        try:
            ours = await _begin(store, fresh)
            desk = new_desk(store, fresh, settings)
            await apply_first(desk, settings)
        except StoreUnavailable as error:
            raise CannotStart(f"the store cannot be used: {error}") from None
    return Initialised(
        organization=ours.organization,
        epoch=ours.epoch,
        policies=policies_directory(settings).absolute(),
        version=desk.rules.version,
        teams=tuple(sorted(desk.rules.policies.teams)),
        forgotten=kept.memory.epoch if kept is not None else None,
    )


async def _begin(store: Store, fresh: Identity) -> Identity:
    """Give the store its identity. One that got no further than that is taken for empty: an attempt was cut off."""
    known, found = await identity(store), await leftover(store)
    if known is not None and (found is not None or known.organization != fresh.organization):
        raise CannotStart(
            f'the store is not empty: it serves the organization "{known.organization}" in epoch {known.epoch}; '
            "nothing was changed"
        )
    if found is not None:
        raise CannotStart(
            f"the store is not empty: it has no epoch, and yet {found}, so it lost part of what it knew. "
            "Restore it, or remove what is left of it; nothing was changed"
        )
    return known or await initialise(store, fresh)
