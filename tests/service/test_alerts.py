"""Alerts follow from how limits stand, once each, whoever looks and whoever dies: on a real store."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.redis import keys
from gateway.adapters.redis.alerts import RedisAlerts
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.events import RedisEvents
from gateway.adapters.redis.leases import RedisLeases
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.account import Account, Balance
from gateway.core.alert import Alert, reached
from gateway.core.principal import Principal
from gateway.core.reply import Unknown, UpstreamResult
from gateway.ports import StoreUnavailable
from gateway.ports.alerts import Place
from gateway.service.alerts import Alerts
from gateway.service.policy_desk import Published
from gateway.service.submit import Asked
from tests.doubles import StillClock
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import EPOCH, Told, Workshop, accepted, workshop
from tests.walkthrough.policies import alerts_to, budget, in_flight, organization, quota, team, whole
from tests.walkthrough.test_overrides import override

HALVES: Mapping[str, Any] = {"alert_at": ["50%", "100%"]}
HOUR = timedelta(hours=1)
URL = "https://hooks.example.com/"
JOBS = count()


class Dies(Exception):
    """A gateway that is killed here."""


class Reading(RedisLedger):
    """Keeps how many accounts were read at each time that some were."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, EPOCH)
        self.reads: list[int] = []

    async def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        self.reads.append(len(accounts))
        return await super().balances(accounts)


class Book(RedisAlerts):
    """Dies, if it is told to, before an alert is put, or when all were and nobody noted that yet."""

    dies: str | None = None

    async def put(self, alert: Alert, url: str | None) -> bool:
        if self.dies == "before":
            raise Dies
        return await super().put(alert, url)

    async def looked(self, upto: Place) -> None:
        if self.dies == "after":
            raise Dies
        await super().looked(upto)


@dataclass(slots=True)
class Counting:
    counted: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def alerted(self, owner: str, limit: str, threshold: int) -> None:
        self.counted[owner, limit, threshold] += 1


class Looking:
    """One gateway's looks, and what came of them."""

    def __init__(self, room: Workshop, holder: str = "one", now: datetime | None = None) -> None:
        self.room = room
        self.ledger = Reading(room.store)
        self.book = Book(room.store, self.ledger, entries=3)
        self.telemetry = Counting()
        self.clock = StillClock(now or room.clock.now())
        leases = RedisLeases(room.store)
        self.look = Alerts(
            room.desk, self.ledger, room.keyring.keys, self.book, leases, self.telemetry, self.clock, holder
        )

    async def told(self) -> list[tuple[str, str]]:
        """The limit and the threshold of every alert in the store's list, in the order in which they came."""
        return [(str(one["limit"]), str(one["threshold"])) for one in reversed(await self.book.newest(1000, None))]

    async def spend(self, who: Principal, jobs: int = 1, result: UpstreamResult | None = None) -> None:
        """Jobs of $0.35."""
        for _ in range(jobs):
            upstream = Told(result or accepted(f"job_{next(JOBS)}"))
            await submitting(self.room, upstream, sandbox=upstream)(Asked(who, BODY, "req_1", None, {}))

    async def apply(self, *files: dict[str, str]) -> None:
        assert isinstance(await self.room.desk.publish(whole(*files), ()), Published)


async def opened(store: Store, *files: dict[str, str]) -> tuple[Looking, Principal]:
    room = await workshop(store, *files)
    return Looking(room), await room.principal()


async def test_a_threshold_is_told_once_and_the_next_one_when_it_is_reached(store: Store) -> None:
    looking, who = await opened(store, team(budget("1.40", **HALVES)))
    await looking.look()
    await looking.spend(who)
    await looking.look()
    assert await looking.told() == []
    await looking.spend(who)
    for _ in range(3):
        await looking.look()
    assert await looking.told() == [("budget", "50%")]
    await looking.spend(who, 2)
    await looking.look()
    assert await looking.told() == [("budget", "50%"), ("budget", "100%")]
    assert looking.telemetry.counted == {("video", "budget", 50): 1, ("video", "budget", 100): 1}


async def test_what_is_held_counts_and_thresholds_passed_at_once_are_all_told(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.35", alert_at=["100%", "10%", "60%"])))
    await looking.spend(who, 1, Unknown("TimeoutError"))
    await looking.look()
    assert [percent for _, percent in await looking.told()] == ["10%", "60%", "100%"]
    [document, *_] = await looking.book.newest(1, None)
    assert (document["posted"], document["held"], document["headroom"]) == ("0.000000", "0.350000", "0.000000")


async def test_every_kind_of_limit_is_told_of_and_shadow_limits_too(store: Store) -> None:
    whole_of = {"alert_at": ["100%"]}
    rules = (
        budget("9.00", "shadow", mode="shadow", alert_at=["1%"]),
        *(quota("jobs", 1, **whole_of), quota("seconds", 5, **whole_of), in_flight(1, **whole_of)),
        budget("0.35", "for-ever", window="total", **whole_of),
    )
    looking, who = await opened(store, team(*rules), organization(budget("35.00", "ours", alert_at=["1%"])))
    await looking.spend(who)
    await looking.look()
    await looking.look()
    told = ["at-once", "for-ever", "jobs", "ours", "seconds", "shadow"]
    assert sorted(limit for limit, _ in await looking.told()) == told


async def test_they_go_to_who_owns_the_limit(store: Store) -> None:
    files = (
        team(budget("0.35", **HALVES), alerts_to(URL + "video")),
        organization(budget("0.35", "ours", **HALVES), alerts_to(URL + "ours")),
        team(budget("0.35", **HALVES), slug="silent"),
    )
    looking, who = await opened(store, *files)
    await looking.spend(who)
    await looking.look()
    events = RedisEvents(store)
    sent = [(one.event.team, one.event.url) for one in await events.newest(10, None, None)]
    assert Counter(sent) == {("video", URL + "video"): 2, ("acme", URL + "ours"): 2}
    await looking.apply(organization(budget("9.00", "ours")), *files[::2])
    await looking.spend(await looking.room.principal("silent"))
    await looking.look()
    assert len(await events.newest(10, None, None)) == 4
    assert len(await looking.told()) == 6


async def test_each_key_of_a_limit_per_key_has_alerts_of_its_own_and_test_keys_none(store: Store) -> None:
    looking, one = await opened(store, team(budget("0.70", "of-a-key", per="key", **HALVES)))
    other, playing = await looking.room.principal(), await looking.room.principal(test=True)
    for who in (one, playing, playing):
        await looking.spend(who)
    await looking.look()
    assert [each["key"] for each in await looking.book.newest(9, "video")] == [one.key.id]
    await looking.spend(other)
    await looking.look()
    assert [each["key"] for each in await looking.book.newest(9, "video")] == [other.key.id, one.key.id]
    assert looking.telemetry.counted == {("video", "of-a-key", 50): 2}


# --- Ceilings that change ---


async def test_a_raised_ceiling_takes_nothing_back_and_a_lowered_one_tells_what_it_brought_about(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.70", **HALVES)))
    await looking.spend(who)
    await looking.look()
    await looking.apply(team(budget("70.00", **HALVES)))
    await looking.look()
    await looking.apply(team(budget("0.70", **HALVES)))
    await looking.look()
    assert await looking.told() == [("budget", "50%")]
    await looking.apply(team(budget("0.00", **HALVES)))
    await looking.look()
    assert await looking.told() == [("budget", "50%"), ("budget", "100%")]


async def test_a_ceiling_of_0_on_which_nothing_stands_is_nobodys_news(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.00", **HALVES)))
    await looking.spend(who)
    await looking.look()
    assert await looking.told() == []


async def test_an_override_counts_while_it_lasts_and_its_end_is_looked_at_without_anything_moving(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.70", **HALVES), override("7.00", -HOUR, HOUR)))
    await looking.spend(who, 2)
    await looking.look()
    assert await looking.told() == []
    looking.clock.advance(HOUR)
    looking.ledger.reads.clear()
    await looking.look()
    assert await looking.told() == [("budget", "50%"), ("budget", "100%")]
    assert sum(looking.ledger.reads) == 1
    [document, _] = await looking.book.newest(9, None)
    assert document["ceiling"] == "0.700000"


async def test_the_last_moments_of_a_window_are_told_in_the_next_one(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.35", window="hour", **HALVES)))
    await looking.look()
    await looking.spend(who)
    [ends_at] = {charge.ends_at for charge in (await charges(looking)) if "budget" in charge.account}
    assert ends_at is not None
    later = Looking(looking.room, now=ends_at + timedelta(seconds=1))
    await later.look()
    assert await looking.told() == [("budget", "50%"), ("budget", "100%")]


async def charges(looking: Looking) -> tuple[Any, ...]:
    [entry, *_] = await looking.ledger.entries()
    found = await looking.ledger.find(entry.hold)
    assert found is not None
    return found.hold.charges


# --- Whoever looks ---


async def test_of_several_gateways_one_looks_and_another_goes_on_when_it_is_gone(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.70", **HALVES)))
    other = Looking(looking.room, "two")
    await looking.spend(who)
    await looking.look()
    await other.look()
    assert other.ledger.reads == []
    await store.command("DEL", keys.lease("alerts"))
    await looking.spend(who)
    await other.look()
    assert await looking.told() == [("budget", "50%"), ("budget", "100%")]
    assert other.telemetry.counted == {("video", "budget", 100): 1}


async def test_two_that_look_at_once_tell_once(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.35", **HALVES), alerts_to(URL)))
    others = [Looking(looking.room) for _ in range(4)]
    await looking.spend(who)
    await asyncio.gather(*(each.look() for each in (looking, *others)))
    assert await looking.told() == [("budget", "50%"), ("budget", "100%")]
    assert sum((each.telemetry.counted for each in (looking, *others)), Counter()).total() == 2
    assert [entry.kind for entry in await looking.ledger.entries()].count("alert") == 2
    assert len(await RedisEvents(store).newest(9, None, None)) == 2


@pytest.mark.parametrize("where", ["before", "after"])
async def test_whoever_dies_half_way_loses_nothing_and_repeats_nothing(store: Store, where: str) -> None:
    rules = team(budget("0.70", **HALVES), budget("0.70", "of-a-key", per="key", **HALVES))
    looking, who = await opened(store, rules)
    await looking.look()
    await looking.spend(who)
    looking.book.dies = where
    with pytest.raises(Dies):
        await looking.look()
    heir = Looking(looking.room)
    await heir.look()
    await heir.look()
    assert sorted(await heir.told()) == [("budget", "50%"), ("of-a-key", "50%")]


async def test_a_store_that_lost_its_history_is_looked_at_as_a_whole(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.70", **HALVES)))
    await looking.look()
    await looking.spend(who)
    await store.command("XTRIM", keys.ENTRIES, "MAXLEN", 1)
    await looking.look()
    assert await looking.told() == [("budget", "50%")]


async def test_a_store_that_does_not_answer_is_looked_at_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, who = await opened(store, team(budget("0.70", **HALVES)))
    await looking.spend(who)

    async def silent(*_: object) -> None:
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(looking.ledger, "balances", silent)
        with pytest.raises(StoreUnavailable):
            await looking.look()
    await looking.look()
    assert await looking.told() == [("budget", "50%")]


# --- What it costs ---


async def test_where_nothing_moved_nothing_is_read_and_else_what_moved(store: Store) -> None:
    teams = [team(budget("9.00", **HALVES), slug=f"team-{number}") for number in range(40)]
    looking, who = await opened(store, team(budget("9.00", **HALVES)), *teams)
    await looking.look()
    assert sum(looking.ledger.reads) == 41
    looking.ledger.reads.clear()
    await looking.look()
    assert looking.ledger.reads == []
    await looking.spend(who, 2)
    await looking.look()
    assert sum(looking.ledger.reads) <= 2


async def test_without_thresholds_no_entry_is_read_and_the_first_one_is_looked_at_as_a_whole(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.70")))
    await store.client.config_resetstat()
    await looking.look()
    await looking.spend(who)
    await looking.look()
    assert (await store.client.info("commandstats")).get("cmdstat_xrange", {}).get("calls", 0) == 0
    await looking.apply(team(budget("0.70", **HALVES)))
    await looking.look()
    assert await looking.told() == [("budget", "50%")]


async def test_what_was_raised_is_not_asked_for_again(store: Store) -> None:
    looking, who = await opened(store, team(budget("0.70", alert_at=["50%"])))
    await looking.spend(who)
    await looking.look()
    looking.book.dies = "before"
    await looking.spend(who)
    await looking.look()
    assert await looking.told() == [("budget", "50%")]


async def test_each_is_a_line_of_the_log_without_the_address(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    looking, who = await opened(store, team(budget("0.35", alert_at=["100%"]), alerts_to(URL + "?token=secret")))
    await looking.spend(who)
    with caplog.at_level(logging.WARNING, "tollhouse.alerts"):
        await looking.look()
    [line] = caplog.records
    assert line.__dict__["fields"]["threshold"] == "100%"
    assert "token" not in repr(line.__dict__)


# --- At random ---


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 3)),
        st.tuples(st.just("ceiling"), st.sampled_from(["0.00", "0.35", "1.05", "3.50"])),
        st.tuples(st.just("look"), st.sampled_from([None, "before", "after"])),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(STEPS)
async def test_whatever_happens_what_stands_at_a_look_is_told_and_nothing_twice(
    store: Store, steps: list[tuple[str, Any]]
) -> None:
    await store.client.flushall()
    looking, who = await opened(store, team(budget("3.50", alert_at=["30%", "100%"])))
    expected: set[int] = set()
    for step, how in [*steps, ("look", None)]:
        if step == "spend":
            await looking.spend(who, how)
        elif step == "ceiling":
            await looking.room.desk.publish(whole(team(budget(how, alert_at=["30%", "100%"]))), ())
        elif step == "restart":
            looking = Looking(looking.room)
        else:
            looking.book.dies = how
            with suppress(Dies):
                await looking.look()
            if how is None:
                expected |= await standing(looking)
    told = [int(percent.removesuffix("%")) for _, percent in await looking.told()]
    assert len(told) == len(set(told))
    assert set(told) >= expected
    entries = [entry.hold for entry in await looking.ledger.entries() if entry.kind == "alert"]
    assert entries == [str(one["id"]) for one in reversed(await looking.book.newest(9, None))]


async def standing(looking: Looking) -> set[int]:
    """What is reached now, by the balance itself."""
    limit = looking.room.desk.rules.policies.teams["video"].limits[0]
    balances = [
        await looking.room.store.command("HMGET", name, "posted", "held")
        async for name in looking.room.store.client.scan_iter(match=keys.account("team:video:budget:*"))
    ]
    posted, held = (sum(int(numbers[place] or 0) for numbers in balances) for place in (0, 1))
    return set(reached(limit.alert_at, limit.ceiling, Balance(posted, held)))
