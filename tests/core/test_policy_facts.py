"""Facts: two sets of rules have the same exactly when they are the same."""

from dataclasses import fields, replace

from hypothesis import given, settings

from gateway.adapters.policy_files import load
from gateway.core.plan import Rules
from gateway.core.policy_facts import Place, Thing, facts_of
from gateway.core.policy_set import Allow, Limit, Organization, Override, Rate, TeamPolicy
from gateway.core.rate_card import Factor, ModelPrice, RateCard
from tests.policy_directories import directories
from tests.walkthrough.policies import budget, organization, team, whole


def rules(files: dict[str, str]) -> Rules:
    compiled = load(files)
    assert isinstance(compiled, Rules), [str(one) for one in compiled]
    return compiled


@given(directories(), directories())
@settings(max_examples=30)
def test_the_same_facts_are_the_same_rules(one: dict[str, str], other: dict[str, str]) -> None:
    first, second = rules(one), rules(other)
    same = (first.policies, first.prices) == (second.policies, second.prices)
    assert (facts_of(first) == facts_of(second)) == same


def test_no_field_is_left_out() -> None:
    """Whoever adds one to these adds a fact, and then its name here."""
    told = {
        Organization: "slug calendar models limits rates alerts_to",
        TeamPolicy: "slug owner cost_center allow limits rates unlimited alerts_to",
        Allow: "models cost_per_job input unmetered",
        Limit: "name scope meter window ceiling models enforced alert_at overrides",
        Override: "ceiling starts_at ends_at reason approved_by",
        Rate: "name scope requests window burst",
        RateCard: "version effective_from rounding models",
        ModelPrice: "slug base unit factors free versions meters",
        Factor: "field options default from_media bounds",
    }
    for thing, names in told.items():
        assert {one.name for one in fields(thing) if one.compare} == set(names.split()), thing


def test_a_limit_says_its_ceiling_in_usd_or_as_a_count() -> None:
    found = facts_of(rules(whole(organization(), team(budget("25.5")))))
    assert found[Place("video", Thing.LIMIT, "budget")]["ceiling"] == "25.500000"


def test_a_default_of_another_type_is_another_fact() -> None:
    plain = rules(whole(team(budget("1.00"))))
    (card,) = plain.prices.cards
    slug, price = next(iter(card.models.items()))
    factor = replace(price.factors[0], default=8)
    changed = replace(card, models={**card.models, slug: replace(price, factors=(factor, *price.factors[1:]))})
    book = replace(plain.prices, cards=(changed,))
    assert facts_of(replace(plain, prices=book)) != facts_of(plain)
