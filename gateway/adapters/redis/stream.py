"""The store's entries as the exporter reads them, and how the store is told what SQL has.

The rule of this file: an entry is trimmed only below one that SQL has, and that still stands where it stood.
"""

from typing import Final

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Script, Store
from gateway.core.acceptance import Witness
from gateway.core.export import BACKLOG, TAIL, Line, StoreSide
from gateway.core.refused import Refused, decode_refused

_EXPORTED: Final = Script("exported")


class RedisStream:
    """Implements `export.Stream`. `backlog` is how many entries SQL may lack, `tail` how many stay that it has."""

    def __init__(self, store: Store, backlog: int = BACKLOG, tail: int = TAIL) -> None:
        self._store = store
        self._limits = (backlog, tail)

    async def state(self) -> StoreSide | None:
        fields = ("epoch", "organization", "frozen", "ledger")
        epoch, organization, frozen, ledger = await self._store.command("HMGET", keys.STORE, *fields)
        if epoch is None or organization is None:
            return None
        return StoreSide(epoch.decode(), organization.decode(), frozen is not None, ledger and ledger.decode())

    async def read(self, start: int, limit: int) -> tuple[Line, ...]:
        found = await self._store.command("XRANGE", keys.ENTRIES, f"{start}-0", "+", "COUNT", limit)
        return tuple([_line(entry_id, fields) for entry_id, fields in found])

    async def exported(self, ledger: str, upto: Witness | None) -> bool:
        place = (upto.epoch, upto.sequence, upto.entry) if upto else ("", 0, "")
        reply = await self._store.run(_EXPORTED, [keys.STORE, keys.ENTRIES], [ledger, *place, *self._limits])
        return bool(reply[0] == b"exported")

    async def refused(self, after: str, limit: int) -> tuple[str, tuple[Refused, ...]]:
        found = await self._store.command("XRANGE", keys.REFUSED, f"({after}", "+", "COUNT", limit)
        last = found[-1][0].decode() if found else after
        return last, tuple(decode_refused(fields[b"record"]) for _, fields in found)

    async def refused_exported(self, upto: str) -> None:
        await self._store.command("XTRIM", keys.REFUSED, "MINID", upto)


def _line(entry_id: bytes, fields: dict[bytes, bytes]) -> Line:
    """What is none of an entry's own fields is a fact."""
    take = fields.pop
    return Line(
        place=Witness(take(b"epoch").decode(), int(entry_id[:-2]), take(b"hold").decode()),
        kind=take(b"kind").decode(),
        at=int(take(b"at")),
        moves=take(b"moves").decode(),
        record=take(b"record", None),
        facts={name.decode(): text.decode() for name, text in fields.items()},
    )
