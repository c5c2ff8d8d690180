"""Prometheus: one `observe` for every submission, and gauges read from the store when somebody scrapes.

Labels are bounded: teams and limits come from the policy, models from the price book (others are `_other`). No job,
key, request or prompt is ever a label.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Info, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from gateway.adapters.counters import Counters
from gateway.adapters.histograms import Histograms
from gateway.core.delivery import DeliveryState
from gateway.core.figures import JobEnded, Observation, StoreGauges
from gateway.core.ledger import Hold, Outcome
from gateway.core.money import MICRO_PER_USD
from gateway.core.outcome import Charged, InDoubt, TurnedDown, Unsent, label
from gateway.core.price_drift import drifted
from gateway.core.refusal import Refusal
from gateway.core.webhook_event import Heard

_LATENCY: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_OTHER_MODEL: Final = "_other"
_REFUNDS: Final = (Outcome.REFUNDED, Outcome.REFUNDED_LATE)
_LIMIT_LABELS: Final = ("scope", "name", "limit", "meter")


class PrometheusTelemetry:
    """Implements `ports.Telemetry`."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()
        self._registry = CollectorRegistry()
        counter, histogram = self._counter, self._histogram
        self._submissions = counter("submissions", "Submits by what they came to.", "team", "model", "outcome")
        self._cost = counter("cost_usd", "USD charged by the upstream for accepted jobs.", "team", "model")
        self._refused = counter("refused_usd", "USD of jobs refused, by the limit named.", "team", "limit")
        self._shadow = counter("shadow_refusals", "Jobs a shadow limit would have refused.", "team", "limit")
        self._shadow_usd = counter("shadow_refused_usd", "USD of those jobs.", "team", "limit")
        self._drift = counter("price_drift_usd", "USD charged above or below the quote.", "model", "direction")
        self._refunded = counter("refund_usd", "USD that came back for jobs that ended.", "team", "model", "reason")
        self._anomalies = counter("anomalies", "Ends that contradict what is known.", "kind")
        self._settled = counter("settled_holds", "Holds no longer in doubt, by the evidence.", "team", "evidence")
        self._lost = counter("lost_jobs", "Jobs given up because nobody knows their end.", "team")
        self._unowned = counter("unowned_jobs", "Jobs of the upstream account that no hold owns.")
        self._heard = counter("webhooks", "Webhooks of the upstream by what they came to.", "outcome")
        self._delivered = counter("deliveries", "Attempts to send one on, by where it stood then.", "team", "state")
        self._alerts = counter("alerts", "Thresholds of limits that were reached.", "team", "limit", "threshold")
        self._errors = counter("store_errors", "Store calls that failed or got no answer.", "operation")
        self._overhead = histogram("overhead_seconds", "Time of a submit without the upstream's part.")()
        self._upstream = histogram("upstream_seconds", "Time the upstream took to answer a submit.")()
        self._store = histogram("store_seconds", "Time a store call took, batching included.", "operation")
        Info("tollhouse_build", "The running version.", registry=self._registry).info({"version": version})

    def _counter(self, name: str, text: str, *labels: str) -> Counters:
        counters = Counters(f"tollhouse_{name}", text, labels)
        self._registry.register(counters)
        return counters

    def _histogram(self, name: str, text: str, *labels: str) -> Histograms:
        histograms = Histograms(f"tollhouse_{name}", text, labels, _LATENCY)
        self._registry.register(histograms)
        return histograms

    def observe(self, seen: Observation) -> None:
        """Count one submission. Those of test keys stay out of everything that is money."""
        model = seen.model or _OTHER_MODEL
        self._submissions.add(1, seen.team, model, label(seen.submission))
        match seen.submission:
            case Charged(holding) | TurnedDown(holding) | Unsent(holding) | InDoubt(holding):
                self._upstream.observe(holding.upstream_seconds)
                self._overhead.observe(max(0.0, seen.seconds - holding.upstream_seconds))
            case _:
                self._overhead.observe(seen.seconds)
        if not seen.test:
            self._count_money(seen, model)

    def _count_money(self, seen: Observation, model: str) -> None:
        match seen.submission:
            case Charged(holding=holding, cost=cost):
                self._cost.add(cost / MICRO_PER_USD, seen.team, model)
                self._count_drift(model, holding.hold.quoted, cost)
                for limit in holding.shadow:
                    self._shadow.add(1, seen.team, limit)
                    self._shadow_usd.add(seen.amount / MICRO_PER_USD, seen.team, limit)
            case Refusal(named=named):
                self._refused.add(seen.amount / MICRO_PER_USD, seen.team, named.demand.account.limit)
            case _:
                pass

    def _count_drift(self, model: str, quoted: int, cost: int) -> None:
        if drifted(quoted, cost):
            direction = "above" if cost > quoted else "below"
            self._drift.add(abs(cost - quoted) / MICRO_PER_USD, model, direction)

    def ended(self, seen: JobEnded) -> None:
        """Count the end of a job: what came back, and what contradicts what is known."""
        if seen.outcome is Outcome.ANOMALY:
            self._anomalies.add(1, "contradiction" if seen.hold else "unknown_job")
        if seen.hold is None or seen.outcome not in (*_REFUNDS, Outcome.ADJUSTED):
            return
        if seen.surplus:
            self._anomalies.add(1, "surplus")
        if seen.outcome in _REFUNDS and not seen.hold.test:
            self._refunded.add(seen.refunded / MICRO_PER_USD, seen.hold.team, seen.hold.model, seen.status)

    def settled(self, hold: Hold, evidence: str) -> None:
        """Count one hold that is in doubt no more. Implements `ports.SettlingTelemetry`, with the next two."""
        self._settled.add(1, hold.team, evidence)

    def lost(self, hold: Hold) -> None:
        self._lost.add(1, hold.team)

    def unowned(self) -> None:
        self._unowned.add(1)

    def heard(self, heard: Heard) -> None:
        """Count a webhook that came in."""
        self._heard.add(1, heard)

    def delivered(self, team: str, state: DeliveryState) -> None:
        """Count an attempt to send one on, by where it stood then."""
        self._delivered.add(1, team, state)

    def alerted(self, owner: str, limit: str, threshold: int) -> None:
        """Count an alert that was raised. Implements `ports.alerts.AlertTelemetry`."""
        self._alerts.add(1, owner, limit, f"{threshold}%")

    def store_call(self, operation: str, seconds: float, failed: bool) -> None:
        """Count one call to the store."""
        self._store(operation).observe(seconds)
        if failed:
            self._errors.add(1, operation)

    def render(self, figures: StoreGauges | None) -> bytes:
        """The exposition text. Takes a while with many series: call it off the event loop."""
        if figures is None:
            return generate_latest(self._registry)
        scrape = CollectorRegistry()
        scrape.register(_Gauges(figures))
        return generate_latest(self._registry) + generate_latest(scrape)


class _Gauges:
    """A collector of one scrape's store figures."""

    def __init__(self, figures: StoreGauges) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield from _limit_gauges(figures)
        yield _gauge("holds", "Holds by state.", ("state",), (((s,), n) for s, n in figures.holds.items()))
        oldest = figures.oldest_due_seconds
        yield _gauge("oldest_due_hold_seconds", "How long the oldest due hold has been due.", (), [((), oldest)])
        lag = figures.ledger_lag_seconds
        yield _gauge("ledger_lag_seconds", "How long the oldest entry has waited for SQL.", (), [((), lag)])
        yield _gauge("clock_skew_seconds", "Our clock minus the store's.", (), [((), figures.clock_skew_seconds)])
        closed = {one.model for one in figures.closed_prices if not one.test}
        yield _gauge("price_closed", "1 for a model whose price is closed.", ("model",), [((m,), 1) for m in closed])
        yield _gauge("policy_info", "The live policy version.", ("version",), [((figures.policy,), 1.0)])
        expiring = (((team,), count) for team, count in figures.keys_expiring.items())
        yield _gauge("keys_expiring", "Usable keys that expire within 14 days.", ("team",), expiring)
        watched = "1 while the watched policies directory cannot be applied."
        yield _gauge("policy_watch_failed", watched, (), [((), float(figures.policy_watch_failed))])


def _limit_gauges(figures: StoreGauges) -> Iterator[Metric]:
    rows = [((r.scope, r.name, r.limit, r.meter), r) for r in figures.limits]
    yield _gauge("limit_ceiling", "A limit's ceiling now.", _LIMIT_LABELS, ((key, r.ceiling) for key, r in rows))
    yield _gauge("limit_posted", "Posted on a limit now.", _LIMIT_LABELS, ((key, r.posted) for key, r in rows))
    yield _gauge("limit_held", "Held on a limit now.", _LIMIT_LABELS, ((key, r.held) for key, r in rows))
    opened = ((key, r.opened_at) for key, r in rows if r.opened_at is not None)
    yield _gauge("limit_opened_timestamp_seconds", "When a limit's window began.", _LIMIT_LABELS, opened)
    resets = ((key, r.resets_at) for key, r in rows if r.resets_at is not None)
    yield _gauge("limit_resets_timestamp_seconds", "When a limit's window ends.", _LIMIT_LABELS, resets)


def _gauge(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"tollhouse_{name}", text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
