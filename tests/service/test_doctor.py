"""The doctor on a real store: what is found, whatever it is that is wrong."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.connection import Store, connect
from gateway.adapters.redis.vitals import RedisVitals
from gateway.adapters.system import SystemClock
from gateway.core.diagnosis import Diagnosis
from gateway.core.ledger import Verb
from gateway.core.remains import Damage
from gateway.service.doctor import Doctor
from gateway.service.outbox import Intent, Outbox
from gateway.service.policy_desk import PolicyDesk
from tests.adapters.redis.holds import TEAM, admission, demand, open_ledger
from tests.adapters.redis.waiting import process_of
from tests.control import Filled
from tests.doubles import SIGNED, MemoryPolicies, compile_plainly, policy_files
from tests.service.gatehouse import Gatehouse
from tests.store import running_store

NOW = datetime.now(UTC)


@pytest.fixture
async def own_store() -> AsyncIterator[Store]:
    with running_store() as url:
        connection = connect(url)
        await open_ledger(connection)
        await connection.command("ZADD", keys.KEYS, 0, "k1")
        yield connection
        await connection.close()


async def called_to(house: Gatehouse, damage: tuple[Damage, ...] = ()) -> tuple[Doctor, Outbox, MemoryPolicies]:
    policies = MemoryPolicies()
    desk = PolicyDesk(policies, compile_plainly, "acme")
    await desk.publish(policy_files("video"), ())
    outbox = Outbox(house.ledger, house.spool, house.clock)
    vitals = RedisVitals(house.store)
    prices = RedisClosedPrices(house.store)
    doctor = Doctor(house.guard, vitals, desk, outbox, Filled(), damage, SystemClock(), closed_prices=prices)
    return doctor, outbox, policies


@dataclass(frozen=True, slots=True)
class Exporter:
    """Implements `doctor.Exporting`."""

    trouble: str | None


def checks(diagnosis: Diagnosis) -> list[str]:
    return [finding.check for finding in diagnosis.findings]


async def test_all_is_well(own_store: Store) -> None:
    doctor, _, _ = await called_to(Gatehouse(own_store))
    found = await doctor.examine()
    assert found.well, found
    assert any('serves "acme" in epoch e1' in line for line in found.state)
    assert found.figures is not None
    assert found.figures.store is not None
    assert found.figures.store.keys == 1


async def test_whatever_is_wrong_is_found_at_once(own_store: Store) -> None:
    house = Gatehouse(own_store)
    doctor, outbox, policies = await called_to(house, (Damage("a.jsonl", torn=False, lines=1),))
    late = admission("h1", demand(TEAM, 1, 9), created_at=NOW - timedelta(hours=1))
    await house.ledger.admit(late, NOW)
    await house.ledger.move(Verb.DOUBT, late.hold, NOW)
    outbox.later(Intent(Verb.VOID, late.hold))
    await own_store.command("CONFIG", "SET", "appendonly", "no")
    await own_store.command("DEL", keys.KEYS)
    await policies.publish(
        type(policies.versions[policies.pointer or ""])("bad", {"x": "bad"}), policies.pointer, SIGNED
    )
    await doctor.desk.refresh()
    found = await doctor.examine()
    assert checks(found) == ["durable", "keys", "holds", "moves", "spool", "policies"]


async def test_an_export_that_is_in_trouble(own_store: Store) -> None:
    doctor, _, _ = await called_to(Gatehouse(own_store))
    trouble = replace(doctor, export=Exporter("Entry 9 is missing."))
    found = await trouble.examine()
    assert checks(found) == ["export"]
    assert "Entry 9 is missing." in found.findings[0].sentence
    assert (await replace(doctor, export=Exporter(None)).examine()).well


async def test_a_price_that_was_closed_is_told_once_for_each_model(own_store: Store) -> None:
    doctor, _, _ = await called_to(Gatehouse(own_store))
    await own_store.command(
        "SADD", keys.CLOSED, "2026-02-18:acme/clip", "test:2026-02-18:acme/clip", "2026-02-18:acme/a"
    )
    found = await doctor.examine()
    assert checks(found) == ["prices", "prices"]
    assert "run: tollhouse price reopen acme/a." in found.findings[0].step
    assert "run: tollhouse price reopen acme/clip." in found.findings[1].step


async def test_a_frozen_store_and_whom_it_waits_for(own_store: Store) -> None:
    house, other = Gatehouse(own_store, "one"), Gatehouse(own_store, "other")
    doctor, _, _ = await called_to(house)
    await house.round()
    await other.round()
    await house.watch.freeze("e1", "e1.2", 1, 5)
    await house.guard.look()
    await house.fence.catch_up()
    await house.guard.look()
    found = await doctor.examine()
    assert checks(found) == ["thawed"]
    assert "know: other. Wait" in found.findings[0].step


async def test_a_store_that_was_emptied_and_begun_anew(own_store: Store) -> None:
    house = Gatehouse(own_store)
    doctor, _, _ = await called_to(house)
    await house.round()
    await own_store.command("FLUSHALL")
    found = await doctor.examine()
    assert checks(found) == ["epoch", "keys"]
    assert "tollhouse store init" in found.findings[0].step
    assert "tollhouse key issue" in found.findings[1].step


async def test_a_store_that_does_not_answer(own_store: Store) -> None:
    doctor, _, _ = await called_to(Gatehouse(own_store))
    assert (await doctor.examine()).well
    os.kill(await process_of(own_store), signal.SIGKILL)
    for _ in range(1000):
        if not (found := await doctor.examine()).well:
            break
        await asyncio.sleep(0.01)
    assert checks(found) == ["store"]
    assert found.figures is not None
    assert found.figures.store is None
