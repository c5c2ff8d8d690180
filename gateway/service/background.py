"""Work that goes on beside requests: loops that are started again when they fail, each on its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from traceback import format_tb
from typing import Final

from gateway.ports import StoreUnavailable

_LOG: Final = logging.getLogger("tollhouse.background")
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0


async def keep(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` for ever: again at once when it returns, after a growing wait when it fails. Ends by cancellation.

    The store's own trouble is told once and waited for in short steps: when it is over, everything goes on at once.
    """
    wait, told = _FIRST_WAIT_S, False
    while True:
        try:
            await work()
            wait, told = _FIRST_WAIT_S, False
        except StoreUnavailable:
            if not told:
                _LOG.error("%s waits for the store", name)
            wait, told = _FIRST_WAIT_S, True
            await asyncio.sleep(_FIRST_WAIT_S)
        except Exception as error:  # noqa: BLE001 (a loop that stays down is worse than any of its failures)
            _LOG.error("%s failed and starts again in %s s: %s", name, wait, _told(error))
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_S)


def _told(error: Exception) -> str:
    """A failure's kind and where it is. Never its text, which may quote anything."""
    return f"{type(error).__name__}\n{''.join(format_tb(error.__traceback__))}"


async def every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work`, then wait `seconds`: one round of a loop for `keep`."""
    await work()
    await asyncio.sleep(seconds)
