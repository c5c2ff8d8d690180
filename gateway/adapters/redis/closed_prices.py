"""Prices that the upstream exceeded too often to be believed: `overage.lua` closes them, an operator reopens them."""

import asyncio

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.core.figures import ClosedPrice

_TEST = "test:"


class RedisClosedPrices:
    """Implements `ports.ClosedPrices`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> tuple[ClosedPrice, ...]:
        names = await self._store.command("SMEMBERS", keys.CLOSED)
        return tuple(sorted((_price(name.decode()) for name in names), key=lambda one: (one.model, one.rate_card)))

    async def reopen(self, model: str) -> tuple[ClosedPrice, ...]:
        found = [one for one in await self.all() if one.model == model]
        await asyncio.gather(*(self._reopen(_name(one)) for one in found))
        return tuple(found)

    async def _reopen(self, name: str) -> None:
        """Its overages are forgotten first: one more would close it again at once, and nobody would be told."""
        await self._store.command("DEL", keys.overages_of(name))
        await self._store.command("SREM", keys.CLOSED, name)


def _price(name: str) -> ClosedPrice:
    rate_card, _, model = name.removeprefix(_TEST).partition(":")
    return ClosedPrice(model, rate_card, name.startswith(_TEST))


def _name(price: ClosedPrice) -> str:
    return f"{_TEST if price.test else ''}{price.rate_card}:{price.model}"
