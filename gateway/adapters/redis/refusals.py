"""Where refused submissions wait for the exporter: a stream with an upper bound, apart from the entries."""

from collections.abc import Sequence
from typing import Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.refused import Refused, encode_refused

_REFUSE: Final = Script("refuse")
MOST: Final = 100_000


class RedisRefusals:
    """Implements `refusals.Sink`."""

    def __init__(self, store: Store, most: int = MOST) -> None:
        self._store = store
        self._most = most

    async def add(self, refused: Sequence[Refused]) -> None:
        await self._store.run(_REFUSE, [keys.STORE, keys.REFUSED], [self._most, *map(encode_refused, refused)])
