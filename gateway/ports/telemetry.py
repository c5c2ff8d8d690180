"""Where it is counted what submissions, jobs and webhooks come to."""

from typing import Protocol

from gateway.core.delivery import DeliveryState
from gateway.core.figures import JobEnded, Observation, StoreGauges
from gateway.core.webhook_event import Heard


class Telemetry(Protocol):
    """Where submissions, and the ends of jobs, are counted."""

    def observe(self, seen: Observation) -> None: ...

    def ended(self, seen: JobEnded) -> None:
        """Count what the end of a job came to."""
        ...

    def heard(self, heard: Heard) -> None:
        """Count a webhook that came in."""
        ...

    def delivered(self, team: str, state: DeliveryState) -> None:
        """Count an attempt to send one on, by where it stood then."""
        ...

    def render(self, figures: StoreGauges | None) -> bytes:
        """The exposition text; None where the store did not say."""
        ...
