"""When each rate was met, and whether it may be met again: GCRA, as `adapters/redis/lua/hold.lua` has it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from gateway.core.account import AccountScope, RateDemand
from gateway.core.admission import OverRate

# Whose rate it is, as the store names it.
Arrival: TypeAlias = tuple[AccountScope, str, str, bool]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def arrive(known: Mapping[Arrival, int], rates: Iterable[RateDemand], now: datetime) -> OverRate | dict[Arrival, int]:
    """What of `known` is other after a request at `now` (aware), in microseconds since 1970; or the rate that had no
    room."""
    at = (now - _EPOCH) // _MICROSECOND
    arrived: dict[Arrival, int] = {}
    for rate in rates:
        name = (rate.scope, rate.owner, rate.name, rate.test)
        arrived[name] = max(known.get(name, 0), at) + rate.interval_us
        early = arrived[name] - rate.interval_us * rate.burst - at
        if early > 0:
            return OverRate(rate, early)
    return arrived
