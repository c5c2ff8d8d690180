"""The store's books, read at one instant by one script that writes nothing."""

from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.account import Balance
from gateway.core.books import Excerpt, OpenHold

_BOOKS: Final = Script("books")
_INDICES: Final = tuple(keys.OPEN.items())


class RedisBooks:
    """Implements `guard.Books`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, limit: int) -> Excerpt:
        names = [keys.ENTRIES, *(index for _, index in _INDICES)]
        now, all_holds, holds, all_entries, entries, accounts = await self._store.run(
            _BOOKS, names, [limit, keys.hold(""), keys.account("")]
        )
        return Excerpt(
            at=codec.instant(int(now)),
            holds=tuple(_hold(*hold) for hold in holds),
            all_holds=all_holds == 1,
            moves=tuple((codec.instant(int(at)), codec.decode_moves(text.decode())) for at, text in entries),
            all_entries=all_entries == 1,
            balances={account.decode(): _balance(*found) for account, *found in accounts},
        )


def _hold(index: int, hold_id: bytes, state: bytes, charges: bytes) -> OpenHold:
    lines = (line.rsplit(" ", 1) for line in charges.decode().splitlines())
    charged = tuple((account, int(amount)) for account, amount in lines)
    return OpenHold(hold_id.decode(), _INDICES[index - 1][0], state.decode(), charged)


def _balance(there: int, posted: bytes, held: bytes) -> Balance | None:
    return Balance(int(posted), int(held)) if there else None
