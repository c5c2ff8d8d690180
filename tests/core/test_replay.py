"""A submission decided once more: by what the rules say at its own instant, against what stands in their own books."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.adapters.policy_files import load
from gateway.core.account import Balance
from gateway.core.durations import Durations
from gateway.core.ledger import Flow
from gateway.core.plan import Rules
from gateway.core.recorded import Request, Turn
from gateway.core.refused import Why
from gateway.core.replay import Judged, Replay
from tests.walkthrough.house import SLUG
from tests.walkthrough.policies import allow, budget, few_prices, in_flight, rate, team, whole

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MONTH = "team:video:budget:usd:2026-11"
PRICE = 350_000
MINUTE = timedelta(minutes=1)
MODEL_DENIED = "MODEL_ACCESS_DENIED"


def rules(*files: dict[str, str]) -> Rules:
    compiled = load(whole(*files))
    assert isinstance(compiled, Rules)
    return compiled


def replay(*files: dict[str, str], opening: Mapping[str, Balance] = {}) -> Replay:
    return Replay(rules(*files), opening, Durations())


def request(
    number: int = 1,
    at: datetime = NOW,
    options: Mapping[str, str] = {"duration": "5", "has_sound": "false"},
    refused: Why | None = None,
    amount: int | None = PRICE,
    model: str = SLUG,
    slug: str = "video",
) -> Request:
    card = "2026-02-18"
    return Request(f"h{number}", at, "acme", slug, "k1", False, model, None, options, amount, card, refused)


def test_it_holds_what_the_rules_quote_and_refuses_what_has_no_room() -> None:
    there = replay(team(budget("1.00")))
    assert there.submit(request(1)).refused is None
    assert there.balance(MONTH) == Balance(0, PRICE)
    assert there.submit(request(2)).refused is None
    judged = there.submit(request(3))
    assert (judged.refused, judged.amount) == (Why("BUDGET_HELD", "budget", "team"), PRICE)
    assert there.turn("h3", Turn(Flow.POST_HELD, PRICE), NOW) == 0
    assert there.balance(MONTH) == Balance(0, 2 * PRICE)


def test_what_stood_there_before_counts() -> None:
    there = replay(team(budget("1.00")), opening={MONTH: Balance(600_000, 100_000)})
    assert there.submit(request()).refused == Why("BUDGET_HELD", "budget", "team")
    assert there.submit(request(2, at=NOW + timedelta(days=10))).refused is None


def test_a_later_life_moves_what_it_moved() -> None:
    there = replay(team(budget("9.00"), in_flight(1)))
    there.submit(request())
    assert there.turn("h1", Turn(Flow.POST_HELD, 300_000), NOW) == 300_000
    assert there.balance(MONTH) == Balance(300_000, 0)
    assert there.submit(request(2)).refused == Why("CONCURRENT_JOBS_EXCEEDED", "at-once", "team")
    assert there.turn("h1", Turn(Flow.RETURN, 300_000), NOW) == -300_000
    assert there.balance(MONTH) == Balance(0, 0)
    assert there.submit(request(3)).refused is None


@pytest.mark.parametrize(("cost", "scaled"), [(PRICE, 700_000), (175_000, 350_000), (1, 2), (0, 0)])
def test_other_prices_scale_what_the_provider_charged(cost: int, scaled: int) -> None:
    there = replay(team(budget("9.00")))
    there.submit(request(options={"duration": "10", "has_sound": "false"}))
    assert there.turn("h1", Turn(Flow.POST_HELD, cost), NOW) == scaled


def test_what_was_refused_costs_what_is_quoted_and_runs_as_long_as_others() -> None:
    there = replay(team(budget("9.00"), in_flight(1)))
    judged = there.submit(request(refused=Why("BUDGET_EXCEEDED", "budget", "team")))
    assert (judged.refused, judged.charged) == (None, PRICE)
    assert there.balance(MONTH) == Balance(PRICE, 0)
    assert there.submit(request(2, at=NOW + MINUTE / 2)).refused is not None
    assert there.submit(request(3, at=NOW + MINUTE)).refused is None


def test_a_rate_counts_the_admitted_alone() -> None:
    there = replay(team(budget("0.70"), rate(1, "minute", burst=2)))
    came_to = [there.submit(request(number, at=NOW + number * MINUTE / 10)).refused for number in range(4)]
    assert came_to == [None, None, Why("RATE_LIMITED", "submits", "team"), Why("RATE_LIMITED", "submits", "team")]
    assert there.submit(request(5, at=NOW + 5 * MINUTE)).refused == Why("BUDGET_HELD", "budget", "team")


def test_a_ceiling_of_nothing_refuses_what_is_free_and_a_shadow_refuses_nothing() -> None:
    assert replay(team(budget("0.00"))).submit(request()).refused == Why("REQUEST_EXCEEDS_LIMIT", "budget", "team")
    there = replay(team(budget("0.00", "look", mode="shadow")))
    assert there.submit(request()).refused is None


@pytest.mark.parametrize(
    ("files", "asked", "refused"),
    [
        (team(allow(models=["google/*"])), request(), Why(MODEL_DENIED, None, "team")),
        (team(allow(cost_per_job="0.10")), request(), Why("REQUEST_EXCEEDS_LIMIT", "cost_per_job", "team")),
        (team(slug="audio"), request(), Why("API_KEY_INACTIVE")),
        (team(), request(model="no/such"), Why("PRICE_UNKNOWN")),
        (team(), request(options={"duration": "7"}), Why("INVALID_INPUT")),
    ],
)
def test_what_is_refused_before_any_account_is_asked(files: dict[str, str], asked: Request, refused: Why) -> None:
    assert replay(files).submit(asked).refused == refused


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        (team(), Why(MODEL_DENIED, None, "key")),
        (team(allow(input={"seed": ["1"]})), Why(MODEL_DENIED, None, "team")),
        (team(), Why("PRICE_UNKNOWN")),
    ],
)
def test_what_no_policy_says_goes_on_refusing(files: dict[str, str], refused: Why) -> None:
    assert replay(files).submit(request(refused=refused)).refused == refused


def test_a_field_that_has_no_price_any_more_is_not_sent() -> None:
    options = {"duration": "5", "has_sound": "false", "resolution": "4k"}
    assert replay(team()).submit(request(options=options)) == Judged(
        None, PRICE, *_met(replay(team()).submit(request()))
    )


def _met(judged: Judged) -> tuple[object, object]:
    return judged.demands, judged.balances


OVERRIDE = """
[[override]]
limit = "budget"
ceiling = "0.70"
reason = "launch week"
approved_by = "cfo@example.com"
from = 2026-11-23T13:15:00Z
until = 2026-11-23T13:45:00Z
"""


@example(minutes=[70, 80, 110, 90])
@example(minutes=[17 * 60 + 20, 17 * 60 + 40, 17 * 60 + 10])
@given(minutes=st.lists(st.integers(-60, 36 * 60), min_size=1, max_size=12))
def test_what_is_remembered_of_like_jobs_is_what_is_said_of_each_alone(minutes: list[int]) -> None:
    """Across an override, ends of hours, days and prices, in any order of times: what it demands, and from what."""
    card = few_prices()
    (name,) = (name for name in card if SLUG in card[name])
    later = re.sub(r"base( +)= ", r"base\1= 1", card[name].replace("2026-02-18T00:00", "2026-11-24T05:30"))
    files = team(budget("9.00", window="hour"), budget("90.00", "day", "day"), OVERRIDE), {"prices/later.toml": later}
    known = rules(*files)
    remembering = Replay(known, {}, Durations())
    for number, minute in enumerate(minutes):
        asked = request(number, NOW + minute * MINUTE)
        alone = Replay(known, {}, Durations()).submit(asked)
        told = remembering.submit(asked)
        assert (told.amount, told.demands) == (alone.amount, alone.demands)
