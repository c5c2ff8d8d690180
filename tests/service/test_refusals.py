"""Refusals are answered first and kept afterwards; keeping them delays and fails nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.closed_prices import RedisClosedPrices
from gateway.adapters.redis.codec import micros
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.adapters.redis.refusals import RedisRefusals
from gateway.core.outcome import Charged
from gateway.core.refusal import Refusal
from gateway.core.refused import Refused, decode_refused
from gateway.ports import StoreUnavailable
from gateway.service.in_flight import InFlight
from gateway.service.nearest import Nearest
from gateway.service.refusals import Refusals, Sink
from tests.doubles import SeededEntropy
from tests.service.test_submit import BODY, asked, submitting
from tests.service.workshop import Told, Workshop, workshop
from tests.walkthrough.policies import budget, team


@dataclass(slots=True)
class Basket:
    """Implements `refusals.Sink`: keeps them, unless it is broken."""

    kept: list[Refused] = field(default_factory=list)
    broken: bool = False

    async def add(self, refused: Sequence[Refused]) -> None:
        if self.broken:
            raise StoreUnavailable("not now")
        self.kept += refused


def recording(room: Workshop, sink: Sink) -> Refusals:
    advice = InFlight(RedisJobs(room.store), room.clock)
    nearest = Nearest(room.ledger, RedisClosedPrices(room.store), room.clock)
    return Refusals(submitting(room, Told()), advice, nearest, room.desk, sink, SeededEntropy())


async def test_what_is_refused_is_kept_and_what_is_not_is_not(store: Store) -> None:
    room, basket = await workshop(store, team(budget("0.35"))), Basket()
    submit, principal = recording(room, basket), await room.principal()
    assert isinstance((await submit(asked(principal))).submission, Charged)
    assert isinstance((await submit(asked(principal))).submission, Refusal)
    assert (await submit(asked(principal, b"{"))).model is None
    assert basket.kept == []
    await submit.flush()
    [kept] = basket.kept
    assert (kept.team, kept.key, kept.code, kept.limit) == ("video", principal.key.id, "BUDGET_EXCEEDED", "budget")
    await submit.flush()
    assert len(basket.kept) == 1


async def test_they_wait_for_a_store_that_does_not_answer_and_some_are_dropped(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.service.refusals._MOST", 3)
    room, basket = await workshop(store, team(budget("0.00"))), Basket(broken=True)
    submit, principal = recording(room, basket), await room.principal()
    for _ in range(5):
        assert isinstance((await submit(asked(principal))).submission, Refusal)
    with pytest.raises(StoreUnavailable):
        await submit.flush()
    basket.broken = False
    await submit.flush()
    assert len({one.id for one in basket.kept}) == 3
    assert "2 refused submissions are not kept" in caplog.text


async def test_in_the_store_they_wait_for_the_exporter(store: Store) -> None:
    room = await workshop(store, team(budget("0.00")))
    submit, principal = recording(room, RedisRefusals(store)), await room.principal()
    for _ in range(120):
        await submit(asked(principal, BODY))
    await submit.flush()
    found = await store.command("XRANGE", keys.REFUSED, "-", "+")
    assert len({decode_refused(fields[b"record"]).id for _, fields in found}) == 120


async def test_it_says_after_which_entry_and_at_which_instant_the_store_refused_it(store: Store) -> None:
    room, basket = await workshop(store, team(budget("0.35"))), Basket()
    submit, principal = recording(room, basket), await room.principal()
    began = room.clock.now()
    submitted = await submit(asked(principal))
    seq = (await room.ledger.entries())[-1].seq
    over_limit, unpriced = await submit(asked(principal)), await submit(asked(principal, b'{"model":"a/b","input":{}}'))
    await submit.flush()
    assert submitted.at is not None
    assert began <= submitted.at
    assert [(one.code, one.after) for one in basket.kept] == [("BUDGET_EXCEEDED", seq), ("PRICE_UNKNOWN", None)]
    assert over_limit.at is not None
    assert unpriced.at is not None
    assert basket.kept[0].at == micros(over_limit.at)
