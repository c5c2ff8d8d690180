"""A submission decided: what is held and what is sent come from one reading of the request, and from nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from gateway.adapters.policy_files import load
from gateway.core import plan as module
from gateway.core.account import AccountScope, Meter
from gateway.core.job import JobRequest, Malformed, SealBroken, parse
from gateway.core.ledger import Charge
from gateway.core.outcome import Broken
from gateway.core.plan import Ids, Plan, Rules, Unplanned, plan, read_job
from gateway.core.policy import CostPerJobExceeded, ModelNotAllowed, TeamUnknown
from gateway.core.pricing import AppliedFactor, InputRefused, PriceUnknown
from gateway.core.principal import Principal, Scope, VirtualKey
from gateway.core.webhook_address import BadAddress
from tests.walkthrough.house import SLUG
from tests.walkthrough.policies import allow, budget, in_flight, quota, rate, team, whole

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)
PATIENCE = timedelta(seconds=30)
IDS = Ids("hold_1", "attempt_1", "req_1", "boot_1", None)
KEY = VirtualKey(
    id="key_1",
    team="video",
    name="a key",
    digest="",
    pepper_version=1,
    last_four="abcd",
    scopes=frozenset(Scope),
    models=(),
    networks=(),
    created_at=NOW,
    expires_at=None,
    revoked_at=None,
    revision=3,
)
ASKED = Principal("acme", KEY, KEY.digest)
RULES = team(
    budget("5.00"), quota("seconds", 100), in_flight(9), budget("9.00", "of-a-key", per="key"), rate(5, "hour")
)


def rules(*files: dict[str, str]) -> Rules:
    compiled = load(whole(*files))
    assert isinstance(compiled, Rules), compiled
    return compiled


def job(inputs: str = '{"prompt":"a dog"}', model: str = SLUG, more: str = "") -> JobRequest:
    found = parse(f'{{"model":"{model}","input":{inputs}{more}}}'.encode())
    assert isinstance(found, JobRequest), found
    return found


def planned(wanted: JobRequest, principal: Principal = ASKED, under: Rules | None = None) -> Plan:
    found = plan(wanted, principal, under or rules(RULES), IDS, NOW, PATIENCE)
    assert isinstance(found, Plan), found
    return found


def refused(wanted: JobRequest, *files: dict[str, str], principal: Principal = ASKED) -> Unplanned:
    found = plan(wanted, principal, rules(*files), IDS, NOW, PATIENCE)
    assert not isinstance(found, Plan)
    return found


def test_the_hold_is_the_whole_decision_and_carries_no_prompt() -> None:
    under = rules(RULES)
    found = planned(job('{"prompt":"a dog","duration":10}'), under=under)
    hold = found.admission.hold
    assert (hold.id, hold.attempt, hold.request_id) == ("hold_1", "attempt_1", "req_1")
    assert (hold.organization, hold.team, hold.key, hold.key_revision) == ("acme", "video", "key_1", 3)
    assert (hold.model, hold.version, hold.rate_card, hold.policy) == (SLUG, None, "2026-02-18", under.version)
    assert (hold.amount, hold.quoted) == (700_000, 700_000)
    assert hold.factors == (AppliedFactor("duration", "10", "10"), AppliedFactor("has_sound", "false", "1"))
    assert (hold.created_at, hold.deadline, hold.test) == (NOW, NOW + PATIENCE, False)
    assert hold.digest == found.sealed.digest
    assert "a dog" not in repr(hold)
    assert hold.charges == (
        Charge("organization:acme:ample:usd:2026-11", Meter.USD, 700_000, MONTH_END),
        Charge("team:video:budget:usd:2026-11", Meter.USD, 700_000, MONTH_END),
        Charge("team:video:seconds:seconds:2026-11-23", Meter.SECONDS, 10, datetime(2026, 11, 24, tzinfo=UTC)),
        Charge("team:video:at-once:in_flight:", Meter.IN_FLIGHT, 1, None),
        Charge("key:key_1:of-a-key:usd:2026-11", Meter.USD, 700_000, MONTH_END),
    )
    assert [demand.account.name for demand in found.admission.demands] == [charge.account for charge in hold.charges]
    assert [(one.name, one.owner) for one in found.admission.rates] == [("submits", "video")]


def test_what_is_sent_has_every_priced_default_written_out() -> None:
    found = planned(job(more=',"webhookUrl":"https://hooks.example.com/x"'))
    assert found.sealed.body == (
        b'{"input":{"duration":"5","has_sound":"false","prompt":"a dog"},"model":"'
        + SLUG.encode()
        + b'","webhookUrl":"https://hooks.example.com/x"}'
    )


def test_with_a_relay_the_client_s_address_stays_with_the_hold_and_is_not_told() -> None:
    wanted = job(more=',"webhookUrl":"https://hooks.example.com/x"')
    plain = planned(wanted)
    assert plain.admission.hold.relay_to is None

    relayed = [
        plan(each, ASKED, rules(RULES), replace(IDS, relay="https://toll/hook"), NOW, PATIENCE)
        for each in (wanted, job())
    ]
    assert all(isinstance(found, Plan) for found in relayed)
    with_address, without = (found for found in relayed if isinstance(found, Plan))
    assert b'"webhookUrl":"https://toll/hook"' in with_address.sealed.body
    assert b'"webhookUrl":"https://toll/hook"' in without.sealed.body
    assert with_address.admission.hold.relay_to == "https://hooks.example.com/x"
    assert without.admission.hold.relay_to is None
    # The same body as without a relay, for whoever asks whether it was sent before.
    assert with_address.admission.hold.digest == plain.admission.hold.digest
    assert "hooks.example.com" not in repr(with_address.admission)


def test_it_is_pure() -> None:
    under, wanted = rules(RULES), job()
    assert planned(wanted, under=under) == planned(wanted, under=under)


def test_the_accounts_are_those_of_the_instant() -> None:
    later = plan(job(), ASKED, rules(RULES), IDS, MONTH_END, PATIENCE)
    assert isinstance(later, Plan)
    assert later.admission.hold.charges[0].account == "organization:acme:ample:usd:2026-12"


def test_a_test_key_has_accounts_of_its_own() -> None:
    found = planned(job(), replace(ASKED, key=replace(KEY, test=True)))
    assert found.admission.hold.test
    assert all(charge.account.startswith("test:") for charge in found.admission.hold.charges)
    assert all(one.test for one in found.admission.rates)


def test_the_first_reason_against_it_is_price_then_policy() -> None:
    narrow = team(allow(models=["google/*"]))
    assert refused(job(model="made/up/slug"), narrow) == PriceUnknown("made/up/slug", None)
    assert isinstance(refused(job('{"duration":"7"}'), narrow), InputRefused)
    assert refused(job(), narrow) == ModelNotAllowed(SLUG, AccountScope.TEAM, ("google/*",))
    assert refused(job(), team(allow(cost_per_job="0.10"))) == CostPerJobExceeded(100_000, 350_000)
    assert refused(job(), team(slug="audio")) == TeamUnknown("video")


def test_a_body_that_does_not_prove_itself_is_our_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "seal", lambda *_: SealBroken("it reads otherwise"))
    assert refused(job(), RULES) == Broken("it reads otherwise")


@pytest.mark.parametrize("address", ["http://example.com/", "https://127.0.0.1/", "https://localhost/", ""])
def test_a_webhook_address_is_looked_at_before_anything_is_priced(address: str) -> None:
    body = f'{{"model":"no/such/model","input":{{}},"webhookUrl":"{address}"}}'.encode()
    assert isinstance(read_job(body, ()), BadAddress)


def test_what_may_be_called_back() -> None:
    body = b'{"model":"a","input":{},"webhookUrl":"https://127.0.0.1/"}'
    assert isinstance(read_job(body, (ip_network("127.0.0.0/8"),)), JobRequest)
    assert isinstance(read_job(b'{"model":"a","input":{}}', ()), JobRequest)
    assert isinstance(read_job(b"{", ()), Malformed)
