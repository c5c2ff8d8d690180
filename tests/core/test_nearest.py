"""What would pass instead: whatever is suggested is admitted as it stands, and what is nearest comes first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.account import AccountScope, Balance, Meter
from gateway.core.admit import Admit
from gateway.core.job import JobRequest
from gateway.core.nearest import Standing, WouldPass, nearest, question
from gateway.core.plan import Rules
from gateway.core.policy import applied_limits, decide
from gateway.core.policy_set import Allow, Limit, Organization, PolicySet
from gateway.core.pricing import PriceBook, Quote, Scalar
from gateway.core.principal import Principal
from gateway.core.rate_card import Bounds, Factor, ModelPrice, Unit
from gateway.core.window import Calendar
from tests.core.test_policy import limit, policies, principal
from tests.core.test_pricing import card, factor
from tests.doubles import NOON

FILM, CHEAP, DEAR, STILL = (
    "a/film/text-to-video",
    "b/cheap/text-to-video",
    "c/dear/text-to-video",
    "a/still/text-to-image",
)
DURATION = factor("duration", {"5": "5", "10": "10"}, default="5")
SOUND = factor("has_sound", {"false": "1", "true": "2"}, default="false")
MONTH = limit("month", ceiling=1_000_000)


def model(slug: str, base: int, *factors: Factor) -> ModelPrice:
    meter = Meter.IMAGES if slug == STILL else Meter.SECONDS
    feed = "duration" if any(one.field == "duration" for one in factors) else 1
    return ModelPrice(slug, base, Unit.SECOND, factors, meters={meter: feed})


BOOK = PriceBook(
    (
        card(
            model(FILM, 70_000, DURATION, SOUND),
            model(CHEAP, 20_000, DURATION, SOUND),
            model(DEAR, 90_000, DURATION, SOUND),
            model(STILL, 1, DURATION, SOUND),
        ),
    )
)


def job(slug: str = FILM, version: str | None = None, /, **inputs: object) -> JobRequest:
    return JobRequest(slug, version, {"prompt": "a lighthouse", **inputs}, None)


def standing(policy_set: PolicySet, who: Principal, *posted: int) -> Standing:
    """What is posted on each limit of the key, in order; nothing on the rest."""
    accounts = [one.account for one in applied_limits(policy_set, who, NOON)]
    return Standing(
        {account: Balance(amount, 0) for account, amount in zip(accounts, (*posted, *[0] * 9), strict=False)}
    )


def suggested(
    asked: JobRequest,
    policy_set: PolicySet,
    *posted: int,
    who: Principal | None = None,
    book: PriceBook = BOOK,
    closed: tuple[str, ...] = (),
) -> list[tuple[dict[str, Scalar], str, int]]:
    key = who or principal()
    stands = replace(standing(policy_set, key, *posted), closed=closed)
    found = nearest(asked, key, Rules("v1", policy_set, book), stands, NOON)
    return [(dict(one.changes), one.model, one.amount) for one in found]


def test_shorter_or_without_sound_then_a_cheaper_model() -> None:
    dear = job(duration="10", has_sound="true")
    assert suggested(dear, policies(MONTH)) == [
        ({"duration": "5"}, FILM, 700_000),
        ({"has_sound": "false"}, FILM, 700_000),
        ({}, CHEAP, 400_000),
    ]


def test_what_costs_nearly_as_much_comes_first_and_no_more_than_three_are_told() -> None:
    lengths = factor("duration", {str(each): str(each) for each in range(1, 20)}, default="5")
    book = PriceBook((card(model(FILM, 70_000, lengths)),))
    found = suggested(job(duration=19), policies(MONTH), book=book)
    assert [changes for changes, _, _ in found] == [{"duration": 14}, {"duration": 13}, {"duration": 12}]


def test_two_fields_are_changed_only_where_one_does_not_do() -> None:
    small = policies(limit(ceiling=350_000, models=("a/*",)), allow=Allow(models=("a/*",)))
    assert suggested(job(duration="10", has_sound="true"), small) == [
        ({"duration": "5", "has_sound": "false"}, FILM, 350_000)
    ]


@pytest.mark.parametrize(
    ("sent", "changes"),
    [
        ({"duration": 10}, {"duration": 5}),
        ({"duration": "10"}, {"duration": "5"}),
        ({"duration": 5, "has_sound": True}, {"has_sound": False}),
        ({"duration": 5, "has_sound": "true"}, {"has_sound": "false"}),
    ],
)
def test_a_change_has_the_type_that_the_client_sent(sent: Mapping[str, object], changes: Mapping[str, Scalar]) -> None:
    tight = policies(limit(ceiling=350_000), allow=Allow(models=(FILM,)))
    assert suggested(job(**sent), tight) == [(changes, FILM, 350_000)]


def test_a_field_left_out_is_changed_in_the_type_of_its_default() -> None:
    loud = factor("has_sound", {"false": "1", "true": "2"}, default=True)
    book = PriceBook((card(model(FILM, 70_000, DURATION, loud)),))
    assert suggested(job(), policies(limit(ceiling=350_000)), book=book) == [({"has_sound": False}, FILM, 350_000)]


def test_only_models_of_one_kind_allowed_to_team_and_key_and_not_dearer() -> None:
    full = limit("full", ceiling=1, models=(FILM,))
    assert suggested(job(), policies(full)) == [({}, CHEAP, 100_000)]
    assert suggested(job(), policies(full), who=principal("key_1", "a/*", "c/*")) == []
    assert suggested(job(), policies(full, allow=Allow(models=("a/*", "c/*")))) == []
    assert suggested(job(), policies(full), closed=(CHEAP,)) == []


def test_a_model_that_is_not_allowed_has_one_that_is() -> None:
    narrow = policies(allow=Allow(models=("b/*",)))
    assert suggested(job(), narrow) == [({}, CHEAP, 100_000)]


def test_another_models_own_limits_count() -> None:
    policy_set = policies(limit("film", ceiling=1, models=(FILM,)), limit("cheap", ceiling=100_000, models=(CHEAP,)))
    assert suggested(job(), policy_set) == [({}, CHEAP, 100_000)]
    assert suggested(job(), policy_set, 0, 1) == []


def test_an_account_that_nobody_knows_has_room_for_nothing() -> None:
    policy_set, who = policies(MONTH), principal()
    asked = job(duration="10", has_sound="true")
    assert nearest(asked, who, Rules("v1", policy_set, BOOK), Standing({}), NOON) == ()


def test_an_input_that_the_team_may_not_send_becomes_one_it_may() -> None:
    silent = policies(allow=Allow(models=(FILM,), input={"has_sound": ("false",)}))
    assert suggested(job(has_sound=True), silent) == [({"has_sound": False}, FILM, 350_000)]
    only_long = policies(allow=Allow(models=(FILM,), input={"duration": ("10",)}))
    assert suggested(job(duration=5), only_long) == [({"duration": 10}, FILM, 700_000)]


def test_a_field_without_a_price_is_changed_too_where_the_team_may_not_send_it() -> None:
    styled = policies(allow=Allow(models=(FILM,), input={"style": ("plain", "noir")}))
    assert suggested(job(style="gore"), styled) == [
        ({"style": "plain"}, FILM, 350_000),
        ({"style": "noir"}, FILM, 350_000),
    ]


def test_a_job_dearer_than_one_job_may_be() -> None:
    frugal = policies(allow=Allow(models=(FILM,), cost_per_job=350_000))
    assert suggested(job(duration="10"), frugal) == [({"duration": "5"}, FILM, 350_000)]


def test_seconds_are_saved_by_a_shorter_one() -> None:
    film = policies(limit("film", meter=Meter.SECONDS, ceiling=60), allow=Allow(models=(FILM,)))
    assert suggested(job(duration=10), film, 55) == [({"duration": 5}, FILM, 350_000)]


@pytest.mark.parametrize(
    "nothing",
    [
        limit(ceiling=0),
        limit(meter=Meter.JOBS, ceiling=0),
        limit(meter=Meter.IN_FLIGHT, ceiling=0),
        limit(ceiling=1),
    ],
)
def test_where_nothing_passes_nothing_is_suggested(nothing: Limit) -> None:
    assert suggested(job(duration="10", has_sound="true"), policies(nothing)) == []


def test_a_job_without_a_price_or_a_team_has_nothing_near_it() -> None:
    assert suggested(job("x/y/text-to-video"), policies()) == []
    assert suggested(job(duration="7"), policies()) == []
    assert suggested(job(), policies(), who=principal(team="gone")) == []


def test_a_version_is_one_of_its_model_and_goes_nowhere_else() -> None:
    versioned = replace(model(FILM, 70_000, DURATION, SOUND), versions=frozenset({"v2"}))
    book = PriceBook((card(versioned, model(CHEAP, 20_000, DURATION, SOUND)),))
    found = suggested(job(FILM, "v2", duration="10", has_sound="true"), policies(MONTH), book=book)
    assert {slug for _, slug, _ in found} == {FILM}


def test_what_the_media_decides_is_not_changed_and_nested_fields_are_bounded() -> None:
    media = factor("resolution", {"720p": "1", "1080p": "3"}, from_media=True)
    bounded = factor("duration", {"5": "5", "10": "10"}, default="5", bounds=Bounds("multishot", "duration"))
    book = PriceBook((card(model(FILM, 70_000, media, bounded)),))
    shots = job(duration="10", multishot=[{"duration": 5}, {"duration": 5}])
    assert suggested(shots, policies(limit(ceiling=1_050_000)), book=book) == []
    assert suggested(job(duration="10"), policies(limit(ceiling=1_050_000)), book=book) == [
        ({"duration": "5"}, FILM, 1_050_000)
    ]


def test_the_work_is_bounded_whatever_the_price_file_says() -> None:
    many = [factor(f"f{index}", {str(each): "1" for each in range(30)}, default="0") for index in range(8)]
    book = PriceBook((card(model(FILM, 70_000, *many)),))
    assert suggested(job(), policies(limit(ceiling=1)), book=book) == []


slugs = st.sampled_from([FILM, CHEAP, DEAR, STILL])
multipliers = st.sampled_from(["0", "0.5", "1", "2", "2.5"])
durations = st.dictionaries(st.sampled_from(["5", "8", "10"]), multipliers, min_size=2)
sounds = st.fixed_dictionaries({"false": multipliers, "true": multipliers})
models = st.builds(
    lambda slug, base, lengths, loud, sound: model(
        slug,
        base,
        factor("duration", lengths, default=next(iter(lengths))),
        *([factor("has_sound", loud, default="false")] if sound else []),
    ),
    slugs,
    st.integers(0, 9),
    durations,
    sounds,
    st.booleans(),
)
books = st.lists(models, min_size=3, max_size=6).map(lambda found: PriceBook((card(*found),)))
limits = st.builds(
    limit,
    st.sampled_from("abcd"),
    st.sampled_from([AccountScope.TEAM, AccountScope.KEY]),
    st.sampled_from(Meter),
    st.integers(0, 30),
    models=st.sampled_from([("*",), ("a/*",), ("*/text-to-video",), (CHEAP,)]),
    enforced=st.booleans(),
)
sets = st.builds(
    lambda rows, patterns, most, silent, unmetered: PolicySet(
        Organization("acme", Calendar(ZoneInfo("UTC"))),
        policies(
            *{(one.scope, one.name): one for one in rows}.values(),
            allow=Allow(patterns, most, {"has_sound": ("false",)} if silent else {}, unmetered),
        ).teams,
    ),
    st.lists(limits, max_size=4),
    st.sampled_from([("*",), ("a/*",), ("b/*", "c/*")]),
    st.none() | st.integers(0, 30),
    st.booleans(),
    st.booleans(),
)
inputs = st.fixed_dictionaries(
    {},
    optional={"duration": st.sampled_from(["5", 8, "10", 10]), "has_sound": st.sampled_from([True, "false", "true"])},
)
whos = st.sampled_from([principal(), principal("key_1", "a/*"), principal("key_1", test=True)])
amounts = st.lists(st.integers(0, 30), min_size=4, max_size=4)


def admitted(asked: JobRequest, who: Principal, rules: Rules, stands: Standing) -> int | None:
    """What the job would hold, told by the submit's own decision and plain arithmetic; None where it is refused."""
    quote = rules.prices.quote(asked.model, asked.version, asked.input, NOON)
    if asked.model in stands.closed or not isinstance(quote, Quote):
        return None
    decision = decide(rules.policies, who, asked.model, asked.input, quote, NOON)
    if not isinstance(decision, Admit):
        return None
    for one in decision.demands:
        balance = stands.balances[one.account]
        if one.enforced and (one.ceiling == 0 or balance.posted + balance.held + one.amount > one.ceiling):
            return None
    return quote.hold_amount


def changed(asked: JobRequest, one: WouldPass) -> JobRequest:
    return replace(asked, model=one.model, input={**asked.input, **one.changes})


@given(books, sets, slugs, inputs, whos, amounts, st.sampled_from([(), (CHEAP,), (FILM,)]))
def test_whatever_is_suggested_is_admitted_as_it_stands(
    book: PriceBook,
    policy_set: PolicySet,
    slug: str,
    sent: dict[str, object],
    who: Principal,
    posted: list[int],
    closed: tuple[str, ...],
) -> None:
    asked, rules = job(slug, **sent), Rules("v1", policy_set, book)
    stands = replace(standing(policy_set, who, *posted), closed=closed)
    found = nearest(asked, who, rules, stands, NOON)

    assert len(found) <= 3
    assert len({(one.model, *one.changes.items()) for one in found}) == len(found)
    for one in found:
        assert one.changes or one.model != asked.model
        assert admitted(changed(asked, one), who, rules, stands) == one.amount
    assert found == nearest(asked, who, rules, stands, NOON + timedelta(0))
    if not found:
        own = [(name, value) for name in ("duration", "has_sound") for value in ("5", "8", "10", "false", "true")]
        quotable = isinstance(book.quote(slug, None, asked.input, NOON), Quote)
        for name, value in own if quotable and admitted(asked, who, rules, stands) is None else ():
            assert admitted(job(slug, **{**sent, name: value}), who, rules, stands) is None
        for length, loud in product(("5", "8", "10"), ("false", "true")):
            both = job(slug, **{**sent, "duration": length, "has_sound": loud})
            if quotable and admitted(asked, who, rules, stands) is None:
                assert admitted(both, who, rules, stands) is None


@settings(max_examples=30)
@given(
    books, sets, slugs, inputs, whos, amounts, st.text(max_size=3), st.sampled_from(["prompt", "has_sound", "style"])
)
def test_jobs_that_ask_the_same_question_have_the_same_answer(
    book: PriceBook,
    policy_set: PolicySet,
    slug: str,
    sent: dict[str, object],
    who: Principal,
    posted: list[int],
    text: str,
    name: str,
) -> None:
    rules, stands = Rules("v1", policy_set, book), standing(policy_set, who, *posted)
    one, other = job(slug, **sent), job(slug, **{**sent, name: text})
    if question(one, who, rules, NOON) == question(other, who, rules, NOON):
        assert nearest(one, who, rules, stands, NOON) == nearest(other, who, rules, stands, NOON)
    other_prompt = job(slug, **{**sent, "prompt": text})
    assert question(other_prompt, who, rules, NOON) == question(one, who, rules, NOON)
