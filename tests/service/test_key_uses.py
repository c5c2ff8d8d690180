"""The hour of a key's last use: noted at once, written down together, and written again when the store was away."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway.ports import StoreUnavailable
from gateway.service.key_uses import KeyUses
from tests.doubles import NOON

HOUR = int(NOON.timestamp()) // 3600


class Book:
    """Keeps what it is told, unless it is away."""

    def __init__(self) -> None:
        self.told: list[tuple[list[str], int]] = []
        self.away = False

    async def note_used(self, ids: Sequence[str], hour: int) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.told.append((list(ids), hour))


async def test_a_key_is_written_once_an_hour() -> None:
    book = Book()
    uses = KeyUses(book)
    for minute in range(0, 180, 10):
        uses.note("key_1", NOON + timedelta(minutes=minute))
        await uses.flush()
    assert book.told == [(["key_1"], HOUR), (["key_1"], HOUR + 1), (["key_1"], HOUR + 2)]


async def test_what_the_store_did_not_take_waits() -> None:
    book = Book()
    uses = KeyUses(book)
    uses.note("key_1", NOON)
    uses.note("key_2", NOON)
    book.away = True
    with pytest.raises(StoreUnavailable):
        await uses.flush()
    book.away = False
    uses.note("key_1", NOON)
    await uses.flush()
    assert book.told == [(["key_1", "key_2"], HOUR)]


async def test_many_go_in_pieces() -> None:
    book = Book()
    uses = KeyUses(book)
    for number in range(1_200):
        uses.note(f"key_{number}", NOON)
    await uses.flush()
    assert [len(ids) for ids, _ in book.told] == [500, 500, 200]
