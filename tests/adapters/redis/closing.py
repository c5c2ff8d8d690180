"""A price that the upstream exceeds until it is closed, straight on the ledger."""

from datetime import datetime

from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.ledger import Verb
from tests.adapters.redis.holds import admission


async def overcharge(ledger: RedisLedger, times: int, now: datetime, **others: object) -> list[bool]:
    """So many jobs that each cost a micro-USD too much; whether each was the one that closed the price."""
    closed = []
    for _ in range(times):
        asked = admission(f"hold-{now.timestamp()}-{len(closed)}-{others.get('model')}", created_at=now, **others)
        await ledger.admit(asked, now)
        facts = {"overage": "2"}
        moved = await ledger.move(Verb.CAPTURE, asked.hold, now, job=f"job of {asked.hold.id}", cost=2, facts=facts)
        closed.append(moved.closed)
    return closed
