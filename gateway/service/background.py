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
    """Run `work` for ever: again at once when it returns, after a growing wait when it fails. Ends by cancellation."""
    wait = _FIRST_WAIT_S
    while True:
        try:
            await work()
            wait = _FIRST_WAIT_S
        except Exception as error:  # noqa: BLE001 (a loop that stays down is worse than any of its failures)
            _LOG.error("%s failed and starts again in %s s: %s", name, wait, _told(error))
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_S)


def _told(error: Exception) -> str:
    """A failure's kind; of a mistake of ours also where it is. Never its text, which may quote anything."""
    kind = type(error).__name__
    return kind if isinstance(error, StoreUnavailable) else f"{kind}\n{''.join(format_tb(error.__traceback__))}"


async def every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work`, then wait `seconds`: one round of a loop for `keep`."""
    await work()
    await asyncio.sleep(seconds)
