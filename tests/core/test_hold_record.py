"""A hold survives the way into the store or the spool and back, to the last digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.hold_record import decode_hold, encode_hold
from gateway.core.idempotency import Idempotency
from tests.adapters.redis.holds import JOBS, TEAM, admission, demand


@given(st.integers(0, 2**53 - 1), st.sampled_from(("", "boot-1")), st.sampled_from((None, Idempotency("key", "body"))))
def test_a_hold_comes_back_as_it_was(amount: int, sender: str, idempotency: Idempotency | None) -> None:
    asked = (demand(TEAM, amount, amount), demand(JOBS, 1, 5))
    hold = admission("h1", *asked, sender=sender, idempotency=idempotency).hold
    assert decode_hold(encode_hold(hold)) == hold


def test_what_is_no_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="Hold"):
        decode_hold(b'{"id": "hold_1"}')
