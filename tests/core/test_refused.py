"""What is kept of a submission that was refused: all that decides and is charged back, and nothing of the work."""

import json
from dataclasses import replace

import pytest

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter, RateDemand
from gateway.core.admission import OverRate
from gateway.core.outcome import Overloaded, StoreDown, Submission
from gateway.core.policy import CostPerJobExceeded, InputNotAllowed, ModelNotAllowed, TeamUnknown, Unmetered
from gateway.core.pricing import PriceUnknown
from gateway.core.refusal import refusal
from gateway.core.refused import KEPT, Refused, decode_refused, encode_refused, refused
from tests.core.test_plan import ASKED, NOW, RULES, job, rules
from tests.walkthrough.house import SLUG

MONTHLY = Account(AccountScope.TEAM, "video", "monthly", Meter.USD, "2026-11")
TEAM, KEY = AccountScope.TEAM, AccountScope.KEY


def over_limit() -> Submission:
    found = refusal([Demand(MONTHLY, 350_000, 400_000, True, "month", None)], [Balance(300_000, 0)])
    assert found is not None
    return found


def kept(submission: Submission, model: str = SLUG) -> Refused | None:
    wanted = job('{"prompt":"a secret dog","duration":"10","seed":7}', model)
    return refused("ref_1", wanted, ASKED, rules(RULES), submission, "req_1", NOW)


def test_who_asked_for_what_and_what_it_would_have_cost() -> None:
    found = kept(over_limit())
    assert found is not None
    assert (found.organization, found.team, found.key, found.test) == ("acme", "video", "key_1", False)
    assert (found.model, found.version, found.amount, found.request_id) == (SLUG, None, 700_000, "req_1")
    assert found.inputs == {"duration": "10", "has_sound": "false"}
    assert (found.policy, found.rate_card) == (rules(RULES).version, "2026-02-18")
    assert found.at == 1_763_899_200_000_000 + 31_536_000_000_000
    assert "secret" not in encode_refused(found)


@pytest.mark.parametrize(
    ("submission", "code", "limit", "scope"),
    [
        (over_limit(), "BUDGET_EXCEEDED", "monthly", "team"),
        (OverRate(RateDemand("submits", KEY, "key_1", 1, 1), 5), "RATE_LIMITED", "submits", "key"),
        (ModelNotAllowed(SLUG, KEY, ()), "MODEL_ACCESS_DENIED", None, "key"),
        (InputNotAllowed("duration", ("5",)), "MODEL_ACCESS_DENIED", None, "team"),
        (Unmetered(SLUG, "seconds", TEAM), "MODEL_ACCESS_DENIED", "seconds", "team"),
        (CostPerJobExceeded(1, 2), "REQUEST_EXCEEDS_LIMIT", "cost_per_job", "team"),
        (PriceUnknown(SLUG, None, closed=True), "PRICE_UNKNOWN", None, None),
    ],
)
def test_each_kind_by_what_refused_it(submission: Submission, code: str, limit: str | None, scope: str | None) -> None:
    found = kept(submission)
    assert found is not None
    assert type(submission) in KEPT
    assert (found.code, found.limit, found.scope) == (code, limit, scope)


def test_what_has_no_price_has_no_amount() -> None:
    found = kept(PriceUnknown("no/such-model", None), "no/such-model")
    assert found is not None
    assert (found.amount, found.rate_card, found.inputs, found.model) == (None, None, {}, "no/such-model")


@pytest.mark.parametrize("submission", [StoreDown("x"), Overloaded(), TeamUnknown("video")])
def test_what_no_rule_of_ours_refused_is_not_kept(submission: Submission) -> None:
    assert kept(submission) is None
    assert type(submission) not in KEPT


def test_it_comes_back_as_it_went() -> None:
    found = kept(over_limit())
    assert found is not None
    assert decode_refused(encode_refused(found)) == found
    assert decode_refused(encode_refused(replace(found, version="2", inputs={}))).version == "2"
    newer = json.dumps({**json.loads(encode_refused(found)), "mood": "sad"})
    assert decode_refused(newer) == found
