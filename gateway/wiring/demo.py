"""The key that makes a first visit work."""

import logging
from typing import Final

from gateway.adapters.secret_files import kept_secret
from gateway.ports import StoreUnavailable
from gateway.service.demo import demo_key, retire_demo_key
from gateway.service.keyring import Keyring
from gateway.settings import Settings

_LOG: Final = logging.getLogger("tollhouse.start")


async def kept_demo_key(keyring: Keyring, settings: Settings) -> str | None:
    """In sandbox mode a key that works, kept beside the admin key; with real money behind it, none."""
    path = settings.data_dir / "demo.key"
    kept = path.read_text(encoding="utf-8").strip() if path.exists() else None
    if settings.sandboxed:
        try:
            secret = await demo_key(keyring, kept)
        except StoreUnavailable as error:
            # The store takes no key now. What is wrong with it is the guard's to say.
            _LOG.warning("there is no demo key: %s", error)
            return None
        if secret is not None and secret != kept:
            path.unlink(missing_ok=True)
            kept_secret(path, lambda: secret)
        return secret
    if kept is not None:
        await retire_demo_key(keyring, kept)
        path.unlink()
    return None
