"""What settling remembers, for whichever gateway settles next."""

from datetime import timedelta

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.findings import RedisFindings
from tests.doubles import NOON


async def test_a_watermark_stays_where_it_was_put(store: Store) -> None:
    findings = RedisFindings(store)
    assert await findings.watermark("real") is None
    at = NOON + timedelta(microseconds=7)
    await findings.raise_watermark("real", at)
    assert await findings.watermark("real") == at
    assert await findings.watermark("other") is None


async def test_what_was_given_up_is_remembered_for_a_week(store: Store) -> None:
    findings = RedisFindings(store)
    await findings.given_up("h1", NOON)
    later = NOON + timedelta(days=6)
    await findings.given_up("h2", later)
    assert await findings.all_given_up(later) == {"h1": NOON, "h2": later}
    assert await findings.all_given_up(NOON + timedelta(days=7)) == {"h2": later}
