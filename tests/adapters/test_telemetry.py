"""What the metrics say of submissions, and what they never say."""

from typing import Any

import pytest

from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.core.account import AccountScope, Balance, RateDemand
from gateway.core.admission import Admission, OverRate
from gateway.core.delivery import DeliveryState
from gateway.core.ending import JobStatus
from gateway.core.figures import JobEnded, LimitGauge, Observation, StoreGauges
from gateway.core.job import Malformed
from gateway.core.ledger import Outcome
from gateway.core.outcome import Charged, Holding, InDoubt, Overloaded, StoreDown, Submission, TurnedDown, Unsent
from gateway.core.refusal import refusal
from gateway.core.reply import Reply
from gateway.core.webhook_event import Heard
from tests.adapters.redis.holds import TEAM, admission, demand
from tests.walkthrough.house import Metrics

MODEL = "kling/kling-2.6-pro/text-to-video"
REPLY = Reply(200, {}, b"{}")
COST = 700_000


def held(quoted: int = COST, shadow: tuple[str, ...] = (), seconds: float = 0.2) -> Holding:
    asked: Admission = admission("h1", demand(TEAM, COST, 10**9), quoted=quoted)
    return Holding(asked.hold, asked.demands, (Balance(0, COST),), shadow, seconds)


def seen(submission: Submission, model: str | None = MODEL, **more: Any) -> Observation:
    return Observation("video", model, more.get("test", False), submission, COST, more.get("seconds", 0.25))


def metrics(*observations: Observation, figures: StoreGauges | None = None) -> Metrics:
    telemetry = PrometheusTelemetry("1.2.3")
    for each in observations:
        telemetry.observe(each)
    return Metrics(telemetry.render(figures).decode())


def refused() -> Submission:
    found = refusal([demand(TEAM, COST, 10)], [Balance(0, 0)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("submission", "outcome"),
    [
        (Charged(held(), REPLY, "job_1", COST), "accepted"),
        (TurnedDown(held(), REPLY), "rejected"),
        (Unsent(held(), "x"), "unreachable"),
        (InDoubt(held(), "x", None), "in_doubt"),
        (refused(), "over_limit"),
        (Overloaded(), "overloaded"),
        (StoreDown("x"), "store_unavailable"),
        (Malformed("input", "x"), "invalid"),
    ],
)
def test_every_submission_is_counted_once(submission: Submission, outcome: str) -> None:
    told = metrics(seen(submission), seen(submission, model=None))
    assert told("tollhouse_submissions_total", team="video", model=MODEL, outcome=outcome) == 1
    assert told("tollhouse_submissions_total", team="video", model="_other", outcome=outcome) == 1
    assert told("tollhouse_overhead_seconds_count") == 2


def test_what_was_charged_and_what_was_refused_in_usd() -> None:
    told = metrics(
        *[seen(Charged(held(), REPLY, "job_1", COST))] * 3,
        seen(Charged(held(), REPLY, "job_2", 1)),
        seen(InDoubt(held(), "x", None)),
        seen(refused()),
        seen(refused()),
    )
    assert told("tollhouse_cost_usd_total", team="video", model=MODEL) == pytest.approx(2.100001)
    assert told("tollhouse_refused_usd_total", team="video", limit="spend") == pytest.approx(1.4)


@pytest.mark.parametrize(
    ("cost", "above", "below"),
    [(COST, None, None), (COST + 1, None, None), (COST - 1, None, None), (COST + 2, 2e-6, None), (100_000, None, 0.6)],
)
def test_a_single_micro_usd_is_no_drift(cost: int, above: float | None, below: float | None) -> None:
    told = metrics(seen(Charged(held(), REPLY, "job_1", cost)))
    found = [told("tollhouse_price_drift_usd_total", model=MODEL, direction=way) for way in ("above", "below")]
    assert found == [None if one is None else pytest.approx(one) for one in (above, below)]


def test_shadow_refusals_by_limit() -> None:
    told = metrics(
        seen(Charged(held(shadow=("a", "b")), REPLY, "job_1", COST)), seen(Charged(held(), REPLY, "j", COST))
    )
    assert told("tollhouse_shadow_refusals_total", team="video", limit="a") == 1
    assert told("tollhouse_shadow_refusals_total", team="video", limit="b") == 1
    assert told("tollhouse_shadow_refused_usd_total", team="video", limit="a") == COST / 1_000_000


def test_test_keys_count_as_submissions_and_as_no_money() -> None:
    told = metrics(
        seen(Charged(held(shadow=("a",)), REPLY, "job_1", 9 * COST), test=True),
        seen(refused(), test=True),
    )
    assert told("tollhouse_submissions_total", team="video", model=MODEL, outcome="accepted") == 1
    for name in ("cost_usd", "refused_usd", "shadow_refusals", "shadow_refused_usd", "price_drift_usd"):
        assert f"tollhouse_{name}_total{{" not in told.text


def test_our_time_is_without_the_upstreams() -> None:
    told = metrics(
        seen(Charged(held(seconds=2.0), REPLY, "job_1", COST), seconds=2.004),
        seen(TurnedDown(held(seconds=0.3), REPLY), seconds=0.3),
        seen(Overloaded(), seconds=1.0),
    )
    assert told("tollhouse_overhead_seconds_sum") == pytest.approx(1.004)
    assert told("tollhouse_upstream_seconds_sum") == pytest.approx(2.3)
    assert told("tollhouse_upstream_seconds_count") == 2
    assert told("tollhouse_overhead_seconds_bucket", le="0.005") == 2


def test_calls_to_the_store() -> None:
    telemetry = PrometheusTelemetry("1.2.3")
    telemetry.store_call("hold", 0.001, False)
    telemetry.store_call("hold", 1.5, True)
    telemetry.store_call("move", 0.001, False)
    told = Metrics(telemetry.render(None).decode())
    assert told("tollhouse_store_seconds_count", operation="hold") == 2
    assert told("tollhouse_store_errors_total", operation="hold") == 1
    assert told("tollhouse_store_errors_total", operation="move") is None


def test_the_stores_figures_are_there_when_the_store_said_them() -> None:
    limit = LimitGauge("team", "video", "monthly", "usd", 5.0, 0.7, 0.35, 1764547200.0, 1767225600.0)
    endless = LimitGauge("team", "video", "at-once", "in_flight", 3.0, 0.0, 3.0)
    figures = StoreGauges((limit, endless), {"held": 1, "in_doubt": 2, "captured": 3}, 7.5, -0.25, "v1", (), 2.5)
    told = metrics(figures=figures)
    labels = {"scope": "team", "name": "video", "limit": "monthly", "meter": "usd"}
    assert told("tollhouse_limit_ceiling", **labels) == 5.0
    assert told("tollhouse_limit_posted", **labels) == 0.7
    assert told("tollhouse_limit_held", **labels) == 0.35
    assert told("tollhouse_limit_opened_timestamp_seconds", **labels) == 1764547200
    assert told("tollhouse_limit_resets_timestamp_seconds", **labels) == 1767225600
    assert told("tollhouse_limit_ceiling", **{**labels, "limit": "at-once", "meter": "in_flight"}) == 3
    assert told("tollhouse_limit_resets_timestamp_seconds", **{**labels, "limit": "at-once"}) is None
    assert [told("tollhouse_holds", state=state) for state in ("held", "in_doubt", "captured")] == [1, 2, 3]
    assert told("tollhouse_oldest_due_hold_seconds") == 7.5
    assert told("tollhouse_clock_skew_seconds") == -0.25
    assert told("tollhouse_ledger_lag_seconds") == 2.5
    assert told("tollhouse_policy_info", version="v1") == 1
    assert told("tollhouse_build_info", version="1.2.3") == 1

    # They are of one scrape: the next one has those of its own, or none.
    silent = metrics()
    assert "tollhouse_limit" not in silent.text
    assert "tollhouse_holds" not in silent.text
    assert silent("tollhouse_build_info", version="1.2.3") == 1


def test_labels_never_name_a_job_a_key_a_hold_or_a_request() -> None:
    over = OverRate(RateDemand("submits", AccountScope.KEY, "k1", 1, 1), 5)
    text = metrics(seen(Charged(held(), REPLY, "job_1", COST)), seen(over), seen(InDoubt(held(), "cause", None))).text
    for never in ("job_1", "k1", "h1", "request of h1", "cause"):
        assert f'"{never}"' not in text


def ends(*seen: JobEnded) -> Metrics:
    telemetry = PrometheusTelemetry("1.2.3")
    for each in seen:
        telemetry.ended(each)
    return Metrics(telemetry.render(None).decode())


def test_what_came_back_is_counted_where_it_was_first_booked() -> None:
    hold, test = admission("h1").hold, admission("h2", test=True).hold
    told = ends(
        JobEnded(hold, JobStatus.FAILED, Outcome.REFUNDED, refunded=COST),
        JobEnded(hold, JobStatus.FAILED, Outcome.ALREADY, refunded=COST),
        JobEnded(hold, JobStatus.CANCELLED, Outcome.ADJUSTED, refunded=1),
        JobEnded(hold, JobStatus.COMPLETED, Outcome.FINISHED),
        JobEnded(test, JobStatus.FAILED, Outcome.REFUNDED, refunded=COST),
    )
    assert told("tollhouse_refund_usd_total", team="red", model=MODEL, reason="failed") == 0.7
    assert told("tollhouse_refund_usd_total", team="red", model=MODEL, reason="cancelled") is None
    assert "tollhouse_anomalies_total{" not in told.text


def test_what_cannot_be_is_counted_by_its_kind() -> None:
    hold = admission("h1").hold
    told = ends(
        JobEnded(hold, JobStatus.COMPLETED, Outcome.ANOMALY),
        JobEnded(None, JobStatus.FAILED, Outcome.ANOMALY),
        JobEnded(hold, JobStatus.FAILED, Outcome.REFUNDED, refunded=COST, surplus=1),
        JobEnded(hold, JobStatus.FAILED, Outcome.ALREADY, refunded=COST, surplus=1),
    )
    for kind in ("contradiction", "unknown_job", "surplus"):
        assert told("tollhouse_anomalies_total", kind=kind) == 1


def test_alerts_are_counted_by_limit_and_threshold() -> None:
    telemetry = PrometheusTelemetry("0")
    for threshold in (50, 80, 80):
        telemetry.alerted("video", "budget", threshold)
    counted = Metrics(telemetry.render(None).decode())
    assert counted("tollhouse_alerts_total", team="video", limit="budget", threshold="80%") == 2
    assert counted("tollhouse_alerts_total", team="video", limit="budget", threshold="50%") == 1


def test_webhooks_and_deliveries_are_counted_by_what_they_came_to() -> None:
    telemetry = PrometheusTelemetry("0")
    for heard in (Heard.TAKEN, Heard.REFUSED, Heard.REFUSED):
        telemetry.heard(heard)
    telemetry.delivered("video", DeliveryState.SENT)
    text = telemetry.render(None).decode()
    assert 'tollhouse_webhooks_total{outcome="taken"} 1.0' in text
    assert 'tollhouse_webhooks_total{outcome="refused"} 2.0' in text
    assert 'tollhouse_deliveries_total{state="sent",team="video"} 1.0' in text
