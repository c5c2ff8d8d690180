"""The key of a first visit: made for team `demo` in sandbox mode, useless as soon as real money is behind it."""

from typing import Final

from gateway.core.key_terms import KeyTerms
from gateway.core.principal import Principal
from gateway.service.keyring import Issued, Keyring

TEAM: Final = "demo"


async def demo_key(keyring: Keyring, kept: str | None) -> str | None:
    """The secret of a demo key that works: the `kept` one, or a new one; None where no policy names the team.

    Raises StoreUnavailable.
    """
    if kept is not None and isinstance(await keyring.admit(kept, None, None), Principal):
        return kept
    issued = await keyring.issue(KeyTerms(team=TEAM, name="demo"))
    return issued.secret if isinstance(issued, Issued) else None


async def retire_demo_key(keyring: Keyring, kept: str) -> None:
    """Revoke the key that was handed out for sandbox money. Raises StoreUnavailable."""
    admitted = await keyring.admit(kept, None, None)
    if isinstance(admitted, Principal):
        await keyring.revoke(admitted.key.id)
