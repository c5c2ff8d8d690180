"""Alerts in a real store: raised once whoever raises them, listed, sent; and the accounts that entries name."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.alerts import RedisAlerts
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Balance
from gateway.core.alert import LISTED, Alert, Level, body
from gateway.core.delivery import DeliveryState, EventKind
from gateway.core.ledger import Verb
from gateway.ports import StoreRefused
from gateway.ports.alerts import Moved, Place
from tests.adapters.redis.holds import JOBS, KEY, ORGANIZATION, TEAM, admission, demand

NOW = datetime.now(UTC)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)
URL = "https://hooks.example.com/alerts"


def alert(name: str = "1", team: str | None = "red", forgotten_at: datetime | None = NEVER) -> Alert:
    level = Level(team, demand(TEAM, 0, 100), Balance(40, 10))
    return Alert(f"evt_{name}", "acme", level, 50, NOW, forgotten_at)


async def test_it_is_raised_once_with_all_that_follows(store: Store, ledger: RedisLedger) -> None:
    book, events = RedisAlerts(store, ledger), RedisEvents(store)
    others = [RedisAlerts(store, RedisLedger(store, "e1")) for _ in range(3)]
    raised = await asyncio.gather(*(each.put(alert(), URL) for each in (book, *others) * 3))
    assert sorted(raised) == [False] * 11 + [True]

    [entry] = await ledger.entries()
    assert (entry.seq, entry.kind, entry.hold, entry.moves) == (1, "alert", "evt_1", ())
    assert entry.facts == {
        "account": TEAM.name,
        "team": "red",
        "threshold": "50",
        "ceiling": "100",
        "posted": "40",
        "held": "10",
    }
    assert await book.newest(10, None) == (json.loads(body(alert())),)
    [sent] = await events.take("red", NOW, 10)
    assert (sent.event.id, sent.event.kind, sent.event.url) == ("evt_1", EventKind.ALERT, URL)
    assert (sent.event.body, sent.event.team, sent.state) == (body(alert()), "red", DeliveryState.PENDING)


async def test_an_organizations_alert_is_sent_in_its_name_and_one_without_an_address_to_nobody(
    store: Store, ledger: RedisLedger
) -> None:
    book, events = RedisAlerts(store, ledger), RedisEvents(store)
    assert await book.put(alert("1", None), URL)
    assert await book.put(alert("2"), None)
    assert await events.teams() == ("acme",)
    assert await events.find("evt_2") is None
    assert [one["id"] for one in await book.newest(10, None)] == ["evt_2", "evt_1"]
    assert not await book.put(alert("2"), URL)


async def test_the_newest_are_listed_and_no_more(store: Store, ledger: RedisLedger) -> None:
    book = RedisAlerts(store, ledger)
    for number in range(250):
        assert await book.put(alert(str(number), "red" if number % 2 else "blue"), None)
    assert [one["id"] for one in await book.newest(2, "blue")] == ["evt_248", "evt_246"]
    assert len(await book.newest(1000, "red")) == 125
    await store.command("RPUSH", keys.ALERTS, *["{}"] * LISTED)
    await book.put(alert("250"), None)
    assert await store.command("LLEN", keys.ALERTS) == LISTED


async def test_a_mark_goes_when_nothing_can_raise_it_any_more(store: Store, ledger: RedisLedger) -> None:
    book = RedisAlerts(store, ledger)
    brief = alert("brief", forgotten_at=NOW + timedelta(hours=1))
    for one in (brief, alert("for-ever", forgotten_at=None)):
        assert await book.put(one, None)
    later = NOW + timedelta(days=9999)
    assert not await book.put(replace(alert("for-ever"), at=later), None)
    assert await book.put(replace(alert("2"), at=NOW + timedelta(hours=1)), None)
    assert await store.command("ZRANGE", keys.ALERTS_RAISED, 0, -1) == [b"evt_2", b"evt_for-ever"]


async def test_a_store_of_another_history_raises_nothing(store: Store, ledger: RedisLedger) -> None:
    with pytest.raises(StoreRefused):
        await RedisAlerts(store, RedisLedger(store, "e2")).put(alert(), URL)
    await store.client.flushall()
    with pytest.raises(StoreRefused):
        await RedisAlerts(store, ledger).put(alert(), URL)
    assert await store.client.keys("*") == []


async def test_whoever_remembers_more_than_the_store_freezes_it(store: Store, ledger: RedisLedger) -> None:
    ledger.memory.heard("e1", 9)
    assert await RedisAlerts(store, ledger).put(alert(), URL)
    assert await store.command("HMGET", keys.STORE, "frozen", "epoch") == [b"history lost", b"e1.2"]


async def test_what_goes_wrong_writes_nothing(store: Store, ledger: RedisLedger) -> None:
    await store.command("SET", keys.ALERTS, "no list")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await RedisAlerts(store, ledger).put(alert(), URL)
    assert await ledger.entries() == ()
    assert await store.command("EXISTS", keys.ALERTS_RAISED, keys.event("evt_1")) == 0


# --- What moved ---


async def test_entries_name_each_account_once_on_which_more_stands(store: Store, ledger: RedisLedger) -> None:
    book = RedisAlerts(store, ledger)
    assert await book.moved(None) == Moved(Place("e1", 0), (), gap=True, more=False)
    for number in range(3):
        one = admission(f"h{number}", demand(TEAM, 100, 10**9), demand(ORGANIZATION, 100, 10**9), created_at=NOW)
        await ledger.admit(one, NOW)
    tested = replace(KEY, test=True)
    await ledger.admit(admission("h9", demand(tested, 1, 9), demand(JOBS, 1, 9), created_at=NOW, test=True), NOW)
    moved = await book.moved(Place("e1", 0))
    assert (moved.upto, moved.gap, moved.more) == (Place("e1", 4), False, False)
    assert sorted(moved.accounts) == sorted([JOBS.name, ORGANIZATION.name, TEAM.name])
    assert await book.moved(moved.upto) == Moved(Place("e1", 4), (), gap=False, more=False)


async def test_by_what_is_posted_as_held_or_comes_back_no_more_stands(store: Store, ledger: RedisLedger) -> None:
    book, place = RedisAlerts(store, ledger), Place("e1", 3)
    for number in range(3):
        await ledger.admit(admission(f"h{number}", demand(TEAM, 100, 10**9), created_at=NOW), NOW)
    holds = [admission(f"h{number}", demand(TEAM, 100, 10**9), created_at=NOW).hold for number in range(3)]
    await ledger.move(Verb.CAPTURE, holds[0], NOW, job="j0", cost=100)
    await ledger.move(Verb.VOID, holds[1], NOW)
    assert await book.moved(place) == Moved(Place("e1", 5), (), gap=False, more=False)
    # The upstream charged more than was held.
    await ledger.move(Verb.CAPTURE, holds[2], NOW, job="j2", cost=101)
    assert (await book.moved(place)).accounts == (TEAM.name,)


async def test_entries_are_read_in_pieces_and_what_is_gone_is_told(store: Store, ledger: RedisLedger) -> None:
    book = RedisAlerts(store, ledger, entries=2)
    for number in range(3):
        await ledger.admit(admission(f"h{number}", demand(TEAM, 100, 10**9), created_at=NOW), NOW)
    first = await book.moved(Place("e1", 0))
    assert (first.upto, first.gap, first.more) == (Place("e1", 2), False, True)
    assert await book.moved(first.upto) == Moved(Place("e1", 3), (TEAM.name,), gap=False, more=False)
    await store.command("XTRIM", keys.ENTRIES, "MINID", "3-0")
    assert (await book.moved(first.upto)).gap is False
    assert (await book.moved(Place("e1", 1))).gap is True


async def test_of_another_history_all_that_is_there_is_read(store: Store, ledger: RedisLedger) -> None:
    await ledger.admit(admission("h1", demand(TEAM, 100, 10**9), created_at=NOW), NOW)
    moved = await RedisAlerts(store, ledger).moved(Place("e0", 7))
    assert moved == Moved(Place("e1", 1), (TEAM.name,), gap=True, more=False)


async def test_up_to_where_was_looked_is_kept(store: Store, ledger: RedisLedger) -> None:
    book = RedisAlerts(store, ledger)
    assert await book.place() is None
    await book.looked(Place("e1.2", 7))
    assert await RedisAlerts(store, ledger).place() == Place("e1.2", 7)


async def test_a_store_that_nobody_began_has_moved_nothing(store: Store) -> None:
    book = RedisAlerts(store, RedisLedger(store, "e1"))
    assert await book.moved(None) == Moved(None, (), gap=False, more=False)
