"""A job is lost when the upstream was asked long enough, and not before."""

from datetime import timedelta

import pytest

from gateway.core.loss import loss
from tests.doubles import NOON

MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("ran", "unknown", "why"),
    [
        (timedelta(minutes=5), None, None),
        (timedelta(hours=24) - MOMENT, None, None),
        (timedelta(hours=24), None, "no end after 24 hours"),
        (timedelta(minutes=5), timedelta(0), None),
        (timedelta(hours=2), timedelta(hours=1) - MOMENT, None),
        (timedelta(hours=2), timedelta(hours=1), "unknown upstream for an hour"),
        # One answer that knows nothing of it is no evidence, however long it ran.
        (timedelta(hours=30), timedelta(0), None),
    ],
)
def test_why_a_job_is_lost(ran: timedelta, unknown: timedelta | None, why: str | None) -> None:
    assert loss(NOON - ran, None if unknown is None else NOON - unknown, NOON) == why
