"""The audit trail on a real store: two entries for a change, and nothing begun that cannot be recorded."""

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.audit_record import BEGUN, DONE, Done, read_begun, read_done
from gateway.core.role import Administrator, Role
from gateway.ports import StoreUnavailable
from gateway.service.audit_trail import AuditTrail
from tests.adapters.redis.holds import open_ledger
from tests.doubles import NOON, SeededEntropy, StillClock

ADA = Administrator("adm_1", "ada", Role.OPERATOR)


async def test_a_change_is_two_entries(store: Store) -> None:
    ledger = await open_ledger(store)
    trail = AuditTrail(ledger, StillClock(), SeededEntropy())
    begun = await trail.begin("key.revoke", ADA, "192.0.2.7", "req_1", "left", {"id": "key_1"})
    [first] = await ledger.entries()
    assert (first.kind, first.hold, first.moves) == (BEGUN, begun.id, ())
    assert read_begun(first.hold, first.at, first.facts) == begun

    done = Done(NOON, None, "key_1", "video", None, {"status": "active"}, {"status": "revoked"})
    await trail.end(begun, done)
    _, second = await ledger.entries()
    assert (second.kind, second.hold) == (DONE, begun.id)
    assert read_done(second.at, second.facts) == done


async def test_each_change_is_its_own(store: Store) -> None:
    ledger = await open_ledger(store)
    trail = AuditTrail(ledger, StillClock(), SeededEntropy())
    same = ("key.revoke", ADA, "unix", "req_1", None, {})
    assert (await trail.begin(*same)).id != (await trail.begin(*same)).id
    assert len(await ledger.entries()) == 2


async def test_what_cannot_be_recorded_is_not_begun(store: Store) -> None:
    trail = AuditTrail(RedisLedger(store, "another epoch"), StillClock(), SeededEntropy())
    with pytest.raises(StoreUnavailable):
        await trail.begin("key.revoke", ADA, "unix", "req_1", None, {})
