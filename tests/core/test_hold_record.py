"""A hold survives the way into the store or the spool and back, to the last digit."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.hold_record import Own, decode_hold, decode_like, encode_hold
from gateway.core.idempotency import Idempotency
from gateway.core.ledger import Hold
from gateway.core.pricing import AppliedFactor
from tests.adapters.redis.holds import JOBS, TEAM, admission, demand

ADMISSION = admission("h1", demand(TEAM, 7, 7), demand(JOBS, 1, 5))
# What likes have in common: what decides what they cost, and whose they are.
shared = attrgetter(
    *("organization", "team", "key", "test", "model", "version", "amount", "quoted", "factors", "rate_card", "policy"),
    "charges",
)

OTHER = {
    str: 'other "text" \\ é\u2028',
    int: 2**53 - 1,
    bool: True,
    datetime: datetime(2027, 1, 2, 3, 4, 5, 678901, UTC) + timedelta(days=1),
    tuple: (AppliedFactor("resolution", "4k", "2.5"),),
}


@given(
    st.integers(0, 2**53 - 1),
    st.sampled_from(("", "boot-1")),
    st.sampled_from((None, Idempotency("key", "body"))),
    st.sampled_from((None, "https://example.com/?a=%22\\u0022")),
)
def test_a_hold_comes_back_as_it_was(
    amount: int, sender: str, idempotency: Idempotency | None, relay_to: str | None
) -> None:
    asked = (demand(TEAM, amount, amount), demand(JOBS, 1, 5))
    hold = admission("h1", *asked, sender=sender, idempotency=idempotency, relay_to=relay_to).hold
    assert decode_hold(encode_hold(hold)) == hold
    assert_read_alike(hold, encode_hold(hold).decode())


def assert_read_alike(hold: Hold, record: str) -> None:
    """What is read of it as one of many is what it is."""
    like, own = decode_like(record)
    assert own == Own(hold.id, hold.created_at)
    assert shared(like) == shared(hold)


@pytest.mark.parametrize("name", [one.name for one in fields(Hold)])
def test_holds_that_differ_in_one_field_are_not_written_alike(name: str) -> None:
    """The common text of one must not pass for that of the other. They have one id, so the memory of whole records
    is asked about both."""
    hold = ADMISSION.hold
    other: Any = {"idempotency": Idempotency("key", "body"), "version": "v2", "charges": hold.charges[:1]}.get(
        name, "https://example.com" if name == "relay_to" else None
    )
    changed = replace(hold, **{name: OTHER[type(getattr(hold, name))] if other is None else other})
    assert changed != hold
    for one in (hold, changed, hold):
        assert decode_hold(encode_hold(one)) == one
        assert_read_alike(one, encode_hold(one).decode())
        # As an older version, or nobody that we know, might have written it.
        assert_read_alike(one, json.dumps(json.loads(encode_hold(one)), sort_keys=True))


def test_what_is_no_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="Hold"):
        decode_hold(b'{"id": "hold_1"}')


@pytest.mark.parametrize("record", ['{"id": "hold_1"}', '{"id":"h","organization":"acme"}', "", '{"organization":1}'])
def test_what_is_no_hold_is_refused_among_many(record: str) -> None:
    with pytest.raises(ValueError, match="Hold"):
        decode_like(record)
