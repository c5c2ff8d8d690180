"""Of one key: the usual time, its own limits and no others', and when it was last used."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.key_index import RedisKeyIndex
from gateway.core.key_usage import Sum, Usage
from gateway.core.principal import Scope
from gateway.service.key_usages import KeyUsages, Used
from gateway.service.keyring import NoSuchKey
from gateway.service.submit import Asked
from tests.service.test_submit import BODY, submitting
from tests.service.workshop import Told, accepted, workshop
from tests.walkthrough.policies import budget, quota, team


@dataclass
class Records:
    """Says what it was asked."""

    asked: list[tuple[str, datetime]] = field(default_factory=list)

    async def key_usage(self, key_id: str, since: datetime) -> Usage:
        self.asked.append((key_id, since))
        return Usage(Sum(1), (), ())


async def test_its_own_limits_as_they_stand_and_the_last_thirty_days(store: Store) -> None:
    room = await workshop(store, team(budget("5.00"), budget("3.00", "of-a-key", per="key"), quota("jobs", 9)))
    mine, others = await room.principal(), await room.principal()
    for number, principal in enumerate((mine, others, others)):
        await submitting(room, Told(accepted(f"job_{number}")))(Asked(principal, BODY, "req", None, {}))
    index, records = RedisKeyIndex(store), Records()
    usages = KeyUsages(room.keyring.keys, index, records, room.desk, room.ledger, room.clock)

    used = await usages.show(mine.key.id, None)
    assert isinstance(used, Used)
    assert [(one.account.limit, balance.posted) for one, balance in used.limits] == [("of-a-key", 350_000)]
    assert records.asked == [(mine.key.id, used.until - timedelta(days=30))]
    assert (used.usage.total.jobs, used.used_in) == (1, None)

    await room.keyring.admit("not a secret", Scope.SUBMIT_JOB, None)
    room.keyring.uses.note(mine.key.id, room.clock.now())
    await room.keyring.uses.flush()
    since = used.until - timedelta(days=1)
    again = await usages.show(mine.key.id, since)
    assert isinstance(again, Used)
    assert (again.since, again.used_in and again.used_in.minute) == (since, 0)
    assert await usages.show("key_none", None) == NoSuchKey("key_none")
