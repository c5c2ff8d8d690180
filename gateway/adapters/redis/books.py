"""The store's books, read at one instant by one script that writes nothing."""

from collections.abc import Iterable
from typing import Final

from gateway.adapters.redis import codec, keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.acceptance import Witness
from gateway.core.account import Balance
from gateway.core.books import Excerpt, OpenHold
from gateway.core.ledger import State

_BOOKS: Final = Script("books")
# Of a job that is lost nothing is held.
_INDICES: Final = tuple((state, index) for state, index in keys.OPEN.items() if state is not State.LOST)


class RedisBooks:
    """Implements `audit.StoreBooks`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, limit: int, after: Witness | None = None, asked: Iterable[str] = ()) -> Excerpt:
        names = [keys.ENTRIES, keys.STORE, *(index for _, index in _INDICES)]
        all_holds, holds, all_entries, moves, accounts, swept = await self._store.run(
            _BOOKS, names, [limit, keys.hold(""), keys.account(""), *_place(after), *asked]
        )
        return Excerpt(
            holds=tuple(_hold(*hold) for hold in holds),
            all_holds=all_holds == 1,
            moves=tuple(move for text in moves for move in codec.decode_moves(text.decode())),
            all_entries=all_entries == 1,
            balances={account.decode(): _balance(*found) for account, *found, _ in accounts},
            admitted={account.decode(): codec.instant(int(admitted)) for account, *_, admitted in accounts},
            swept_to=codec.instant(int(swept)),
        )


def _place(after: Witness | None) -> tuple[str, int, str]:
    return (after.epoch, after.sequence, after.entry) if after else ("", 0, "")


def _hold(index: int, hold_id: bytes, state: bytes, charges: bytes) -> OpenHold:
    lines = (line.rsplit(" ", 1) for line in charges.decode().splitlines())
    charged = tuple((account, int(amount)) for account, amount in lines)
    return OpenHold(hold_id.decode(), _INDICES[index - 1][0], state.decode(), charged)


def _balance(there: int, posted: bytes, held: bytes) -> Balance | None:
    return Balance(int(posted), int(held)) if there else None
