"""What a job meets: who may run what, and every limit that matches, none skipped, none preferred."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter, RateDemand
from gateway.core.policy import (
    Admit,
    CostPerJobExceeded,
    Deny,
    InputNotAllowed,
    ModelNotAllowed,
    TeamUnknown,
    Unmetered,
    applied_limits,
    decide,
    demand,
)
from gateway.core.policy_set import Allow, Limit, Organization, Override, PolicySet, Rate, RateWindow, TeamPolicy
from gateway.core.pricing import AppliedFactor, Quote, Scalar
from gateway.core.principal import Principal, Scope, VirtualKey
from gateway.core.refusal import refusal
from gateway.core.window import Calendar, WindowKind
from tests.doubles import NOON

KLING, VEO = "kling/kling-2.6-pro/text-to-video", "google/veo-3.1-fast/text-to-video"
ORGANIZATION, TEAM, KEY = AccountScope

PATTERNS = ["*", "kling/*", "google/*", KLING, "*/text-to-video", "*/text-to-image"]
BERLIN = ZoneInfo("Europe/Berlin")


def principal(key: str = "key_1", *models: str, team: str = "video", test: bool = False) -> Principal:
    scopes, created = frozenset(Scope), NOON - timedelta(days=1)
    return Principal("acme", VirtualKey(key, team, "", "", 1, "", scopes, models, (), created, None, None, 1, test), "")


def quote(
    cost: int = 700_000,
    model: str = KLING,
    meters: Mapping[Meter, int] | None = None,
    factors: Mapping[str, str] | None = None,
    pinned: Mapping[str, Scalar] | None = None,
) -> Quote:
    applied = tuple(AppliedFactor(field, value, "1") for field, value in (factors or {}).items())
    return Quote(model, None, cost, cost, applied, "prices", meters or {}, pinned or {})


def limit(
    name: str = "limit",
    scope: AccountScope = TEAM,
    meter: Meter = Meter.USD,
    ceiling: int = 5_000_000,
    window: WindowKind | None = WindowKind.MONTH,
    models: tuple[str, ...] = ("*",),
    enforced: bool = True,
) -> Limit:
    return Limit(name, scope, meter, None if meter is Meter.IN_FLIGHT else window, ceiling, models, enforced)


def policies(
    *limits: Limit,
    allow: Allow | None = None,
    rates: tuple[Rate, ...] = (),
    organization: Organization | None = None,
) -> PolicySet:
    team = TeamPolicy("video", allow=allow or Allow(), limits=limits, rates=rates)
    return PolicySet(organization or Organization("acme", Calendar(ZoneInfo("UTC"))), {"video": team})


def decided(
    policy_set: PolicySet,
    priced: Quote,
    who: Principal | None = None,
    inputs: Mapping[str, object] | None = None,
    now: datetime = NOON,
) -> Admit | Deny:
    return decide(policy_set, who or principal(), priced.model, inputs or {}, priced, now)


def admitted(policy_set: PolicySet, priced: Quote, who: Principal | None = None, now: datetime = NOON) -> Admit:
    decision = decided(policy_set, priced, who, now=now)
    assert isinstance(decision, Admit), decision
    return decision


# --- Demands ---


def test_a_job_meets_the_organization_then_the_team_then_the_key_each_in_file_order() -> None:
    organization = Organization(
        "acme", Calendar(ZoneInfo("UTC")), limits=(limit("org-2", ORGANIZATION), limit("org-1", ORGANIZATION))
    )
    policy_set = policies(limit("key", KEY), limit("team-b"), limit("team-a"), organization=organization)
    demands = admitted(policy_set, quote()).demands

    assert [asked.account.limit for asked in demands] == ["org-2", "org-1", "team-b", "team-a", "key"]
    assert [asked.account.owner for asked in demands] == ["acme", "acme", "video", "video", "key_1"]


def test_each_meter_asks_for_its_own_amount_and_only_where_the_job_feeds_it() -> None:
    policy_set = policies(*(limit(meter, meter=meter, ceiling=100) for meter in Meter))

    asked = {one.account.meter: one.amount for one in admitted(policy_set, quote(7, meters={Meter.SECONDS: 5})).demands}
    assert asked == {Meter.USD: 7, Meter.JOBS: 1, Meter.SECONDS: 5, Meter.IN_FLIGHT: 1}

    asked = {one.account.meter: one.amount for one in admitted(policy_set, quote(7, meters={Meter.IMAGES: 4})).demands}
    assert asked == {Meter.USD: 7, Meter.JOBS: 1, Meter.IMAGES: 4, Meter.IN_FLIGHT: 1}


def test_money_is_asked_for_as_it_is_held() -> None:
    half = replace(quote(), amount=3, hold_amount=4)

    assert [asked.amount for asked in admitted(policies(limit()), half).demands] == [4]


def test_a_demand_names_the_window_of_the_organizations_zone() -> None:
    calendar = Calendar(BERLIN)
    policy_set = policies(limit(window=WindowKind.DAY), organization=Organization("acme", calendar))
    (asked,) = admitted(policy_set, quote(), now=datetime(2026, 11, 23, 23, 30, tzinfo=UTC)).demands

    account = Account(TEAM, "video", "limit", Meter.USD, "2026-11-24")
    resets_at = datetime(2026, 11, 24, 23, tzinfo=UTC)
    assert asked == Demand(account, 700_000, 5_000_000, True, "day", resets_at)


def test_jobs_at_once_have_no_window_and_a_total_never_resets() -> None:
    policy_set = policies(limit("at-once", meter=Meter.IN_FLIGHT, ceiling=3), limit("ever", window=WindowKind.TOTAL))
    at_once, ever = admitted(policy_set, quote()).demands

    assert (at_once.account.window, at_once.window, at_once.resets_at) == ("", "", None)
    assert (ever.account.window, ever.window, ever.resets_at) == ("total", "total", None)


def test_a_limit_counts_only_its_models() -> None:
    policy_set = policies(limit("kling", models=("kling/*",)), limit("google", models=("google/*", "openai/*")))

    assert [asked.account.limit for asked in admitted(policy_set, quote(model=KLING)).demands] == ["kling"]
    assert [asked.account.limit for asked in admitted(policy_set, quote(model=VEO)).demands] == ["google"]


def test_a_limit_per_key_gives_every_key_an_account_of_its_own() -> None:
    policy_set = policies(limit("each", KEY), limit("all"))
    one, other = (admitted(policy_set, quote(), principal(key)).demands for key in ("key_1", "key_2"))

    assert one[0].account == other[0].account
    assert one[1].account != other[1].account
    assert (one[1].account.owner, other[1].account.owner) == ("key_1", "key_2")


def test_test_keys_have_accounts_and_rates_of_their_own() -> None:
    policy_set = policies(limit(), rates=(Rate("submits", TEAM, 60, RateWindow.MINUTE, 10),))
    real, test = (admitted(policy_set, quote(), principal(test=test)) for test in (False, True))

    assert real.demands[0].account != test.demands[0].account
    assert real.rates[0] != test.rates[0]
    assert test.demands[0].account.name.startswith("test:")


def test_a_ceiling_of_zero_is_asked_even_of_a_job_that_costs_nothing() -> None:
    (asked,) = admitted(policies(limit(ceiling=0)), quote(0)).demands

    assert (asked.amount, asked.ceiling, asked.never) == (0, 0, True)


def test_an_override_holds_from_its_first_instant_up_to_its_last() -> None:
    more = Override(9, NOON, NOON + timedelta(hours=1), "launch", "cfo@example.com")
    less = Override(0, NOON + timedelta(hours=1), NOON + timedelta(hours=2), "freeze", "cfo@example.com")
    policy_set = policies(replace(limit(ceiling=5), overrides=(more, less)))

    def ceiling(now: datetime) -> int:
        return admitted(policy_set, quote(1), now=now).demands[0].ceiling

    instant = timedelta(microseconds=1)
    assert [ceiling(NOON - instant), ceiling(NOON), ceiling(more.ends_at - instant)] == [5, 9, 9]
    assert [ceiling(more.ends_at), ceiling(less.ends_at - instant), ceiling(less.ends_at)] == [0, 0, 5]


overrides = st.builds(
    lambda ceiling, start, hours: (Override(ceiling, start, start + timedelta(hours=hours), "why", "who"),),
    st.integers(0, 9),
    st.datetimes(datetime(2026, 11, 20), datetime(2026, 11, 26)).map(lambda moment: moment.replace(tzinfo=UTC)),
    st.integers(1, 96),
)
limits = st.builds(
    lambda made, more: replace(made, overrides=more),
    st.builds(
        limit,
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(AccountScope),
        st.sampled_from(Meter),
        st.integers(0, 9),
        st.sampled_from(WindowKind),
        st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2).map(tuple),
        st.booleans(),
    ),
    st.just(()) | overrides,
)
quotes = st.builds(
    quote,
    st.integers(0, 9),
    st.sampled_from([KLING, VEO]),
    st.dictionaries(st.sampled_from([Meter.SECONDS, Meter.IMAGES]), st.integers(1, 9), min_size=1),
)


def asked_naively(one: Limit, who: Principal, priced: Quote, calendar: Calendar) -> Demand | None:
    """What one limit asks, straight from its description."""
    amounts = {Meter.USD: priced.hold_amount, Meter.JOBS: 1, Meter.IN_FLIGHT: 1, **priced.meters}
    if one.meter not in amounts or not any(fnmatchcase(priced.model, pattern) for pattern in one.models):
        return None
    owner = {"organization": "acme", "team": who.team, "key": who.key.id}[one.scope]
    in_force = [over.ceiling for over in one.overrides if over.starts_at <= NOON < over.ends_at]
    window = calendar.containing(one.window, NOON) if one.window else None
    account = Account(one.scope, owner, one.name, one.meter, window.label if window else "", who.key.test)
    ceiling = in_force[0] if in_force else one.ceiling
    resets_at = window.ends_at if window else None
    return Demand(account, amounts[one.meter], ceiling, one.enforced, one.window or "", resets_at)


@given(st.lists(limits, max_size=6), quotes, st.booleans())
def test_no_limit_that_matches_is_skipped_and_none_is_made_up(rows: list[Limit], priced: Quote, test: bool) -> None:
    calendar = Calendar(BERLIN, 4)
    ours = tuple(one for one in rows if one.scope is ORGANIZATION)
    theirs = tuple(one for one in rows if one.scope is not ORGANIZATION)
    policy_set = policies(*theirs, organization=Organization("acme", calendar, limits=ours))
    who = principal(test=test)

    naive = [asked_naively(one, who, priced, calendar) for scope in AccountScope for one in rows if one.scope is scope]
    assert list(admitted(policy_set, priced, who).demands) == [asked for asked in naive if asked is not None]


@given(st.lists(limits, max_size=6), quotes, st.integers(0, 9), st.integers(0, 9))
def test_shadow_limits_never_refuse(rows: list[Limit], priced: Quote, posted: int, held: int) -> None:
    demands = admitted(policies(*(replace(one, enforced=False) for one in rows)), priced).demands

    assert refusal(demands, [Balance(posted, held)] * len(demands)) is None


@given(st.lists(limits, max_size=6), quotes)
def test_what_a_job_meets_is_among_what_its_key_is_told(rows: list[Limit], priced: Quote) -> None:
    policy_set = policies(*rows)
    told = applied_limits(policy_set, principal(), NOON)

    assert len(told) == len(rows)
    assert {replace(asked, amount=0) for asked in admitted(policy_set, priced).demands} <= set(told)


MONTH_ENDS = datetime(2026, 11, 30, 23, tzinfo=UTC)
EDGES = st.sampled_from([NOON, NOON + timedelta(hours=1), NOON + timedelta(days=1), MONTH_ENDS, NOON.replace(hour=0)])
INSTANTS = st.builds(lambda edge, us: edge + timedelta(microseconds=us), EDGES, st.sampled_from([-1, 0, 1, 90_000_000]))
ASKED = st.tuples(
    INSTANTS,
    st.sampled_from(
        [quote(), quote(1), quote(meters={Meter.SECONDS: 5}), quote(meters={Meter.IMAGES: 5}), quote(model=VEO)]
    ),
    st.sampled_from([principal(), principal("key_2"), principal(test=True), principal("key_2", "google/*")]),
)


@given(st.lists(ASKED, max_size=30))
def test_what_policies_remember_of_earlier_jobs_changes_no_answer(
    asked: list[tuple[datetime, Quote, Principal]],
) -> None:
    override = Override(7, NOON, NOON + timedelta(hours=1), "launch", "cfo")
    limits = (
        limit("day", window=WindowKind.DAY),
        replace(limit("month"), overrides=(override,)),
        limit("seconds", KEY, Meter.SECONDS, models=("kling/*",), enforced=False),
        limit("at-once", meter=Meter.IN_FLIGHT),
    )
    organization = Organization("acme", Calendar(BERLIN), limits=(limit("org", ORGANIZATION, window=WindowKind.HOUR),))
    remembering = policies(*limits, organization=organization)
    for now, priced, who in asked:
        fresh = decided(policies(*limits, organization=organization), priced, who, now=now)
        assert decided(remembering, priced, who, now=now) == fresh
        assert decided(remembering, priced, who, now=now) == fresh


def test_a_limit_can_be_asked_about_without_a_key() -> None:
    asked = demand(limit("each", KEY, ceiling=9), "key_7", 0, Calendar(BERLIN), NOON, test=True)

    assert asked.account == Account(KEY, "key_7", "each", Meter.USD, "2026-11", test=True)
    assert (asked.amount, asked.ceiling) == (0, 9)


# --- Rates ---


def test_rates_are_counted_per_team_or_per_key_in_microseconds() -> None:
    shared = Rate("organization", ORGANIZATION, 1000, RateWindow.HOUR, 50)
    organization = Organization("acme", Calendar(ZoneInfo("UTC")), rates=(shared,))
    own = Rate("submits", KEY, 60, RateWindow.MINUTE, 10), Rate("peak", TEAM, 3, RateWindow.SECOND, 3)
    rates = admitted(policies(rates=own, organization=organization), quote()).rates

    assert rates == (
        RateDemand("organization", ORGANIZATION, "acme", 3_600_000, 50),
        RateDemand("peak", TEAM, "video", 333_334, 3),
        RateDemand("submits", KEY, "key_1", 1_000_000, 10),
    )


@given(st.integers(1, 1_000_000), st.sampled_from(RateWindow))
def test_a_rate_never_lets_more_pass_than_stated(requests: int, window: RateWindow) -> None:
    microseconds = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6}[window]
    interval = Rate("rate", TEAM, requests, window, 1).interval_us

    assert interval * requests >= microseconds
    assert (interval - 1) * requests < microseconds


# --- What is not allowed ---


def test_a_team_without_a_file_may_run_nothing_and_has_no_limits() -> None:
    who = principal(team="removed")

    assert decided(policies(limit()), quote(), who) == TeamUnknown("removed")
    assert applied_limits(policies(limit()), who, NOON) == ()


@pytest.mark.parametrize(
    ("defaults", "own", "may"),
    [
        (("*",), None, True),
        (("google/*",), None, False),
        (("google/*",), ("kling/*",), True),
        (("*",), ("google/*",), False),
        (("*",), (), False),
        (("*",), ("KLING/*",), False),
    ],
)
def test_a_teams_own_list_of_models_replaces_the_organizations(
    defaults: tuple[str, ...], own: tuple[str, ...] | None, may: bool
) -> None:
    organization = Organization("acme", Calendar(ZoneInfo("UTC")), models=defaults)
    decision = decided(policies(allow=Allow(models=own), organization=organization), quote())

    assert decision == (Admit((), ()) if may else ModelNotAllowed(KLING, TEAM, defaults if own is None else own))


def test_a_keys_own_list_of_models_narrows_the_teams_and_an_empty_one_does_not() -> None:
    both = policies(allow=Allow(models=("kling/*", "google/*")))

    assert decided(both, quote(), principal("key_1", "google/*")) == ModelNotAllowed(KLING, KEY, ("google/*",))
    assert isinstance(decided(both, quote(), principal("key_1", "google/*", "kling/*")), Admit)
    assert isinstance(decided(both, quote(), principal("key_1")), Admit)
    assert decided(policies(allow=Allow(models=("google/*",))), quote(), principal("key_1", "*")) == ModelNotAllowed(
        KLING, TEAM, ("google/*",)
    )


SILENT = Allow(input={"has_sound": ("false",)})


@pytest.mark.parametrize("sent", ["false", False])
def test_an_allowed_option_may_be_sent_in_any_type_that_means_it(sent: object) -> None:
    priced = quote(factors={"has_sound": "false"})

    assert isinstance(decided(policies(allow=SILENT), priced, inputs={"has_sound": sent}), Admit)


@pytest.mark.parametrize("sent", ["true", True, "False", 0, "", None, ["false"], {"false": 1}, 0.0])
def test_any_other_option_may_not(sent: object) -> None:
    # The price says "false", so that what is sent alone decides.
    decision = decided(policies(allow=SILENT), quote(factors={"has_sound": "false"}), inputs={"has_sound": sent})

    assert decision == InputNotAllowed("has_sound", ("false",))


@pytest.mark.parametrize(("sent", "may"), [(5, True), ("5", True), (10, True), (8, False), ("05", False), (5.0, False)])
def test_numbers_are_options_too(sent: object, may: bool) -> None:
    short = policies(allow=Allow(input={"duration": ("5", "10")}))
    decision = decided(short, quote(factors={"duration": "5"}), inputs={"duration": sent})

    assert isinstance(decision, Admit if may else InputNotAllowed)


def test_what_is_left_out_counts_as_the_default_that_will_be_sent() -> None:
    loud, quiet = (quote(factors={"has_sound": text}, pinned={"has_sound": text}) for text in ("true", "false"))

    assert decided(policies(allow=SILENT), loud) == InputNotAllowed("has_sound", ("false",))
    assert isinstance(decided(policies(allow=SILENT), quiet), Admit)


def test_what_only_the_price_knows_of_must_be_allowed_too() -> None:
    short = policies(allow=Allow(input={"duration": ("5",)}))
    nested = quote(factors={"duration": "10"})  # Five seconds asked for, ten in the nested fields.

    assert decided(short, nested, inputs={"duration": "5"}) == InputNotAllowed("duration", ("5",))
    assert decided(short, quote(factors={"duration": "10"})) == InputNotAllowed("duration", ("5",))


def test_a_field_that_a_model_does_not_have_restricts_it_not() -> None:
    assert isinstance(decided(policies(allow=SILENT), quote()), Admit)


@pytest.mark.parametrize("name", ["hasSound", "HAS_SOUND", "has-sound", "has_sound\u200b"])
def test_a_restricted_field_cannot_be_sent_under_a_name_like_it(name: str) -> None:
    decision = decided(policies(allow=SILENT), quote(), inputs={"prompt": "sea", name: "false"})

    assert decision == InputNotAllowed("has_sound", ("false",))


def test_a_job_may_cost_exactly_what_one_job_may_cost() -> None:
    capped = policies(limit(), allow=Allow(cost_per_job=700_000))
    dearer = replace(quote(700_000), hold_amount=700_001)

    assert isinstance(decided(capped, quote(700_000)), Admit)
    assert decided(capped, dearer) == CostPerJobExceeded(700_000, 700_001)
    assert decided(policies(allow=Allow(cost_per_job=0)), quote(1)) == CostPerJobExceeded(0, 1)


@pytest.mark.parametrize("scope", AccountScope)
def test_under_a_limit_of_seconds_a_model_must_say_what_it_makes(scope: AccountScope) -> None:
    seconds = limit("clip-time", scope, Meter.SECONDS, 600)
    organization = Organization("acme", Calendar(ZoneInfo("UTC")), limits=(seconds,) if scope is ORGANIZATION else ())
    ours = () if scope is ORGANIZATION else (seconds,)

    assert decided(policies(*ours, organization=organization), quote()) == Unmetered(KLING, "clip-time", scope)
    allowed = policies(*ours, organization=organization, allow=Allow(unmetered=True))
    assert decided(allowed, quote()) == Admit((), ())


def test_images_and_shadow_limits_and_other_models_are_not_refused_for_it() -> None:
    seconds = limit("clip-time", TEAM, Meter.SECONDS, 600)

    assert isinstance(decided(policies(seconds), quote(meters={Meter.IMAGES: 1})), Admit)
    assert isinstance(decided(policies(replace(seconds, enforced=False)), quote()), Admit)
    assert isinstance(decided(policies(replace(seconds, models=("google/*",))), quote()), Admit)
    assert isinstance(decided(policies(limit("pictures", TEAM, Meter.IMAGES, 600)), quote()), Admit)
