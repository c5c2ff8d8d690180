"""The store at start: opened, recognised, and given its first policies where it is fresh."""

import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final

from gateway.adapters.keepsake import KeepsakeFile, KeepsakeUnreadable
from gateway.adapters.policy_files import Memory, load, read_directory
from gateway.adapters.redis.connection import Observe, Store, connect
from gateway.adapters.redis.embedded import StoreBroken, StoreBusy, open_embedded
from gateway.adapters.redis.initialise import Identity, identity, initialise
from gateway.adapters.redis.policies import RedisPolicies
from gateway.adapters.system import SystemClock, SystemEntropy
from gateway.core.acceptance import Witness
from gateway.core.complaint import Complaint
from gateway.core.epoch import first_epoch
from gateway.core.history import Kept, recollect
from gateway.core.plan import Rules
from gateway.core.policy_version import Signature, version_of
from gateway.service.policy_desk import Complaints, OtherOrganization, PolicyDesk
from gateway.settings import Settings
from gateway.wiring.trouble import CannotStart

_LOG: Final = logging.getLogger("tollhouse.start")
_TOLD: Final = 3


async def open_store(stack: AsyncExitStack, settings: Settings, observe: Observe) -> Store:
    """The store of the settings: a server elsewhere, or our own child process. Raises CannotStart."""
    try:
        url = (
            settings.redis_url.get_secret_value()
            if settings.redis_url
            else await stack.enter_async_context(open_embedded(settings.data_dir))
        )
    except (StoreBusy, StoreBroken) as error:
        raise CannotStart(str(error)) from None
    try:
        store = connect(url, observe)
    except ValueError as error:
        raise CannotStart(f"TOLLHOUSE_REDIS_URL: {error}") from None
    stack.push_async_callback(store.close)
    return store


async def identify(store: Store, settings: Settings, entropy: SystemEntropy, kept: Kept | None) -> Identity:
    """Whose store this is; a fresh one becomes ours, if it may. Raises CannotStart, StoreUnavailable.

    `kept` is what this data directory remembers of a store: whoever remembers one never makes a fresh one by itself.
    """
    known = await identity(store)
    if known is not None:
        if kept is not None and kept.organization not in (None, known.organization):
            raise CannotStart(
                f'the data directory {settings.data_dir} is one of the organization "{kept.organization}", '
                f'and the store serves "{known.organization}"'
            )
        return known
    if kept is not None:
        raise CannotStart(
            f"the store is empty, and was not when this gateway used it last (epoch {kept.memory.epoch}, "
            f"{kept.memory.highest} entries): restore it; if it is lost for good, run: tollhouse store init"
        )
    if not settings.may_initialise:
        raise CannotStart(
            "the store is empty; TOLLHOUSE_STORE_INIT=auto lets a start make it a fresh one, "
            "and so does: tollhouse store init"
        )
    return await initialise(store, fresh_identity(settings, entropy))


def fresh_identity(settings: Settings, entropy: SystemEntropy) -> Identity:
    """An identity for a store that serves the organization of the policies. Raises CannotStart."""
    return Identity(first_epoch(entropy.token(8).hex()), _rules(settings).policies.organization.slug)


def open_keepsake(settings: Settings, witness: Witness | None) -> tuple[KeepsakeFile, Kept | None]:
    """Where this data directory keeps what it knows of its store, and what that is. Raises CannotStart.

    `witness` is the newest entry that its spool names.
    """
    keepsake = KeepsakeFile(settings.data_dir / "witness.json")
    try:
        kept = keepsake.read()
        memory = recollect(kept.memory if kept else None, witness)
        return keepsake, None if memory is None else Kept(kept.organization if kept else None, memory)
    except KeepsakeUnreadable as error:
        raise CannotStart(
            f"{error}. It tells whether the store is as it was left; "
            "if you know that it is, remove the file and start again"
        ) from None


async def open_desk(store: Store, ours: Identity, settings: Settings) -> PolicyDesk:
    """The live policies; where none are live yet, those of the directory. Raises CannotStart, StoreUnavailable.

    A store that has policies keeps them: a start applies nothing there, and says when the directory differs.
    """
    desk = new_desk(store, ours, settings)
    await desk.refresh()
    if desk.current is None and desk.kept_out is None and settings.may_initialise:
        await apply_first(desk, settings)
    if desk.current is None:
        raise CannotStart(_unusable(desk))
    directory = policies_directory(settings)
    if version_of(read_directory(directory).files) != desk.current.version:
        _LOG.warning("the policies in %s differ from the live version %s", directory, desk.current.version)
    return desk


def new_desk(store: Store, ours: Identity, settings: Settings) -> PolicyDesk:
    """A desk that has read nothing yet. Of what is proposed, the addresses that are to be called must be allowed."""
    memory = Memory()
    check = partial(load, webhook_hosts=settings.webhook_allow_hosts, memory=memory)
    return PolicyDesk(RedisPolicies(store), partial(load, memory=memory), ours.organization, check)


def _unusable(desk: PolicyDesk) -> str:
    """Only an empty store has no policies at all: nobody has begun it, or an attempt was cut off."""
    if desk.kept_out is None:
        return "no policies are live; run: tollhouse store init"
    return (
        f"the live policy version {desk.kept_out.version} has mistakes, as this version of the program reads it "
        f"({'; '.join(map(str, desk.kept_out.complaints[:_TOLD]))}). Start the one that it was applied with; where a "
        "gateway runs, run: tollhouse policy apply"
    )


async def apply_first(desk: PolicyDesk, settings: Settings) -> None:
    """Make the directory's policies live in a store that has none. Raises CannotStart, StoreUnavailable."""
    directory = policies_directory(settings)
    found = read_directory(directory)
    if found.complaints:
        # The desk is given texts, and would not miss a file that could not be read.
        _rules(settings)
    signature = Signature("tollhouse", SystemClock().now(), "the first policies of an empty store")
    match await desk.publish(found.files, (), signature=signature):
        case Complaints(complaints):
            raise CannotStart(_sentences(directory, complaints))
        case OtherOrganization(named, ours):
            raise CannotStart(f'the policies are those of "{named}", the store serves "{ours}"')
        case _:
            # Somebody else who started at the same moment may have been first.
            await desk.refresh()


def policies_directory(settings: Settings) -> Path:
    """The directory of the settings, else `policies` here, else the one that came with the package."""
    return settings.policies or packaged_policies()


def packaged_policies() -> Path:
    """`policies` here, else the one in the installed package, else the one of the checkout the package is in."""
    packaged = Path(str(resources.files("gateway") / "policies"))
    checkout = Path(__file__).parents[2] / "policies"
    return next((one for one in (Path("policies"), packaged) if one.is_dir()), checkout)


def _rules(settings: Settings) -> Rules:
    directory = policies_directory(settings)
    found = read_directory(directory)
    rules = load(found.files, found.complaints, settings.webhook_allow_hosts)
    if isinstance(rules, tuple):
        raise CannotStart(_sentences(directory, rules))
    return rules


def _sentences(directory: Path, complaints: tuple[Complaint, ...]) -> str:
    return "\n".join(str(replace(complaint, file=str(directory / complaint.file))) for complaint in complaints)
