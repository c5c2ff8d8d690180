"""Policies and prices together: what means nothing, and which models no money limit bounds."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.policy_files.price_links import Priced, links_broken, priced, unbounded
from gateway.core.account import AccountScope, Meter
from gateway.core.money import Rounding
from gateway.core.policy_set import Allow, Limit, Organization, TeamPolicy
from gateway.core.rate_card import Factor, ModelPrice, RateCard, Unit, option
from gateway.core.window import Calendar, WindowKind

FILM, STILL, SONG = "maker/film", "maker/still", "other/song"
PRICES = Priced((FILM, STILL, SONG), {"duration": frozenset({"5", "10"}), "has_sound": frozenset({"true", "false"})})
CALENDAR = Calendar(ZoneInfo("UTC"))

patterns = st.lists(st.sampled_from(["*", "maker/*", "*/film", FILM, STILL, SONG]), max_size=3).map(tuple)
limits = st.builds(
    lambda models, meter, enforced: Limit(
        "any", AccountScope.TEAM, meter, WindowKind.MONTH, 9, models=models, enforced=enforced
    ),
    patterns,
    st.sampled_from([Meter.USD, Meter.JOBS]),
    st.booleans(),
)
some_limits = st.lists(limits, max_size=3).map(tuple)


def model(slug: str, **options: tuple[str, ...]) -> ModelPrice:
    factors = [Factor(field, tuple(option(one, "1") for one in texts)) for field, texts in options.items()]
    return ModelPrice(slug, 1, Unit.JOB, tuple(factors))


def card(year: int, *models: ModelPrice) -> RateCard:
    starts_at = datetime(year, 1, 1, tzinfo=UTC)
    return RateCard(str(year), starts_at, Rounding.UP, {one.slug: one for one in models})


def test_what_is_priced_is_gathered_over_all_cards_and_models() -> None:
    cards = [
        card(2026, model(STILL, size=("1k",)), model(FILM, size=("2k",), duration=("5",))),
        card(2027, model(SONG, duration=("9",))),
    ]

    assert priced(cards) == Priced(
        (FILM, STILL, SONG), {"size": frozenset({"1k", "2k"}), "duration": frozenset({"5", "9"})}
    )


def test_patterns_are_judged_in_defaults_allow_and_limits() -> None:
    document = {
        "defaults": {"models": ["*", "maker/flim"]},
        "allow": {"models": [5, "nobody/*"]},
        "limit": [{"models": ["maker/*"]}, {"models": "maker"}, {"models": ["Maker/*"]}],
    }

    assert list(links_broken(document, PRICES)) == [
        ("defaults.models[1]", "matches no model that has a price: did you mean maker/film?"),
        ("allow.models[1]", "matches no model that has a price"),
        ("limit[2].models[0]", "matches no model that has a price"),
    ]


def test_options_are_judged_where_their_field_has_a_price() -> None:
    allowed = {"duration": ["5", "7", 10], "aspect ratio": ["16:9"], "hasSound": ["true"], "has_sound": "true"}

    assert list(links_broken({"allow": {"input": allowed}}, PRICES)) == [
        ("allow.input.duration[1]", 'is no option of duration on any model; there are "10", "5"'),
        ("allow.input.hasSound", "is a field that no model prices: did you mean has_sound?"),
    ]


@given(patterns, st.none() | patterns, some_limits, some_limits)
def test_a_team_is_told_of_every_model_that_it_may_run_without_an_enforced_limit_on_money(
    defaults: tuple[str, ...], own: tuple[str, ...] | None, ours: tuple[Limit, ...], theirs: tuple[Limit, ...]
) -> None:
    def named(slug: str, models: tuple[str, ...]) -> bool:
        return any(fnmatchcase(slug, pattern) for pattern in models)

    team = TeamPolicy("video", allow=Allow(models=own), limits=theirs)
    found = list(unbounded(team, Organization("acme", CALENDAR, models=defaults, limits=ours), PRICES))

    bounds = [limit.models for limit in (*ours, *theirs) if limit.meter is Meter.USD and limit.enforced]
    allowed = [slug for slug in PRICES.slugs if named(slug, defaults if own is None else own)]
    free = [slug for slug in allowed if not any(named(slug, models) for models in bounds)]
    more = f" and {len(free) - 1} more" if len(free) > 1 else ""
    assert found == [
        ("limit", f"leaves {slug}{more} without an enforced limit on usd, here or in organization.toml")
        for slug in free[:1]
    ]


def test_a_team_that_says_it_is_unlimited_is_told_nothing() -> None:
    assert list(unbounded(TeamPolicy("video", unlimited=True), Organization("acme", CALENDAR), PRICES)) == []
