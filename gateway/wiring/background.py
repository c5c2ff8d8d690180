"""What goes on beside requests, and how often."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Final

from gateway.adapters.spool import DirectorySpool
from gateway.ports import StoreUnavailable
from gateway.service.alerts import Alerts
from gateway.service.background import every, keep
from gateway.service.overdue import Overdue
from gateway.service.policy_watch import PolicyWatch
from gateway.service.refusals import Refusals
from gateway.service.sweep import Sweep
from gateway.wiring.house import House
from gateway.wiring.settling import Settling

_REFRESH_S: Final = 0.5
_GUARD_S: Final = 1.0
_REPLAY_S: Final = 0.25
_OVERDUE_S: Final = 1.0
_SWEEP_S: Final = 60.0
_PAST_S: Final = 10.0
_REFUSED_S: Final = 0.5
_ALERTS_S: Final = 2.0
_USES_S: Final = 5.0
_WATCH_S: Final = 1.0


def start_in_background(
    stack: AsyncExitStack,
    house: House,
    submit: Refusals,
    settling: Settling,
    alerts: Alerts,
    watch: PolicyWatch | None,
) -> None:
    """Start what goes on beside requests. It ends when they have, after one last try at what is unsettled."""
    works: dict[str, Callable[[], Awaitable[None]]] = {
        "policy refresh": partial(every, _REFRESH_S, house.desk.refresh),
        "store guard": partial(every, _GUARD_S, house.guard.tend),
        "replay": partial(every, _REPLAY_S, house.guard.fence.tend),
        "unacknowledged moves": house.outbox.run,
        "overdue holds": partial(every, _OVERDUE_S, Overdue(house.ledger, house.open_holds, house.clock)),
        "what ended long ago": partial(every, _PAST_S, Sweep(house.past, house.clock)),
        "export": house.export,
        "webhooks to clients": house.relaying.deliver,
        "alerts": partial(every, _ALERTS_S, alerts),
        "refused submissions": partial(every, _REFUSED_S, submit.flush),
        "uses of keys": partial(every, _USES_S, house.keyring.uses.flush),
        "spool": partial(every, _SWEEP_S, partial(_sweep, house.spool)),
        **settling.works,
    }
    if watch is not None:
        works["policies directory"] = partial(every, _WATCH_S, watch)
    if house.later is not None:
        works["recovery"] = house.later
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(keep(name, work)) for name, work in works.items()]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await house.outbox.flush()
        await house.guard.fence.keep()
        with suppress(StoreUnavailable):
            await submit.flush()
            await house.keyring.uses.flush()
            await alerts.leave()
            for rounds in settling.works.values():
                await rounds.leave()

    stack.push_async_callback(end)


async def _sweep(spool: DirectorySpool) -> None:
    spool.sweep()
