import random
from datetime import UTC, datetime

from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Job
from gateway.sandbox.orders import Order, read_order
from gateway.sandbox.shapes import enclosed, estimated, timestamp
from gateway.sandbox.world import Offer, SandboxConfig, World, accept, offer
from tests.sandbox.visit import SLUG, StillClock


def an_offer(model: str, config: SandboxConfig | None = None, **given: object) -> Offer:
    world = World(config or SandboxConfig(), StillClock(), random.Random(7))
    order = read_order({"model": model, "input": given})
    assert isinstance(order, Order)
    assert isinstance(accept(world, order, world.faults, "req_1"), Job)
    offered = offer(world, order, world.faults)
    assert isinstance(offered, Offer)
    return offered


def test_times_are_utc_with_milliseconds() -> None:
    assert timestamp(datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=UTC)) == "2026-11-24T01:02:03.456Z"


def test_a_body_is_wrapped_only_where_that_was_asked_for() -> None:
    assert enclosed({"a": 1}, Faults(), "req_1") == {"a": 1}
    wrapped = {"success": True, "data": {"a": 1}, "requestId": "req_1"}
    assert enclosed({"a": 1}, Faults(wrapped=True), "req_1") == wrapped


def test_the_components_of_an_estimate_add_up_to_the_whole() -> None:
    offered = an_offer("bytedance-plus/seedance-1.5-pro-super/image-to-video", generate_audio=False)
    reply = estimated(offered, 0, Faults(), "req_1")
    assert reply == {
        "baseCostMicroCents": 140_003,
        "estimatedCostMicroCents": 140_003,
        "breakdown": [
            {"component": "base", "costMicroCents": 15_000},
            {"component": "resolution", "costMicroCents": 13_001},
            {"component": "generate_audio", "costMicroCents": 0},
            {"component": "duration", "costMicroCents": 112_002},
        ],
        "hasDiscount": False,
    }


def test_a_discount_is_shown_with_what_it_saves() -> None:
    reply = estimated(an_offer(SLUG, SandboxConfig(discount_percent="20")), 20, Faults(), "req_1")
    assert (reply["baseCostMicroCents"], reply["estimatedCostMicroCents"]) == (350_000, 280_000)
    assert reply["discounted"] == {"type": "percentage_discount", "percentage": 20, "savedMicroCents": 70_000}


def test_the_pricing_page_shows_a_product() -> None:
    reply = estimated(an_offer("google/veo-3.1-fast/text-to-video"), 0, Faults(quickstart=True), "req_1")
    assert reply == {
        "success": True,
        "requestId": "req_1",
        "data": {
            "estimatedCost": 2_400_000,
            "baseCost": 200_000,
            "currency": "micro-cents",
            "factors": {
                "duration": {"value": "8", "multiplier": 8.0},
                "resolution": {"value": "720p", "multiplier": 1.0},
                "has_sound": {"value": "true", "multiplier": 1.5},
            },
        },
    }
