"""What would pass instead: the nearest changes to a job that was refused with which it would be admitted now.

The rule of this file: nothing is suggested that the pricing, the policy and every balance do not admit as it stands,
and none of them is written down here a second time. The nearest change is the one of the fewest fields, the model
counting as one; of those, another option comes before another model, and what costs nearly as much before what costs
far less.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, islice, product
from typing import Final, TypeAlias

from gateway.core.account import Account, Balance
from gateway.core.admit import Admit
from gateway.core.field_name import fold
from gateway.core.job import JobRequest
from gateway.core.money import MicroUsd
from gateway.core.plan import Rules
from gateway.core.policy import decide
from gateway.core.policy_set import Allow
from gateway.core.pricing import Quote, Scalar
from gateway.core.principal import Principal
from gateway.core.rate_card import WHOLE_NUMBER, ModelPrice, option_text
from gateway.core.refusal import Verdict, classify

Balances: TypeAlias = Mapping[Account, Balance]

_SUGGESTED: Final = 3
# How many changes of options, and how many other models, are looked at at most.
_TRIED: Final = 128


@dataclass(frozen=True, slots=True)
class WouldPass:
    """A job that would be admitted: `changes` to the input of the one that was not, its model, what it would hold."""

    changes: Mapping[str, Scalar]
    model: str
    amount: MicroUsd


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the store: balances by account, and the models whose price is closed.

    An account without a balance here has room for nothing.
    """

    balances: Balances
    closed: Collection[str] = ()


def nearest(
    job: JobRequest, principal: Principal, rules: Rules, standing: Standing, now: datetime
) -> tuple[WouldPass, ...]:
    """At most three changes to `job`, the nearest first, that would be admitted at `now` (UTC); none if nothing is."""
    asked, models = rules.prices.quote(job.model, job.version, job.input, now), rules.prices.models(now)
    if not isinstance(asked, Quote) or principal.team not in rules.policies.teams:
        return ()
    door = _Door(job, principal, rules, standing, now)
    others = list(islice(door.others(asked, models), _SUGGESTED))
    changeable = _changeable(job, models[job.model], rules.policies.teams[principal.team].allow)
    left = _TRIED
    for number in range(1, len(changeable) + 1):
        tried = list(islice(_changes(changeable, number), left))
        left -= len(tried)
        found = [one for changes in tried if (one := door.opens(job.model, changes)) is not None]
        found.sort(key=lambda one: (one.amount > asked.hold_amount, abs(one.amount - asked.hold_amount)))
        if number == 1:
            found += others
        if found:
            return tuple(found[:_SUGGESTED])
    return tuple(others)


def question(job: JobRequest, principal: Principal, rules: Rules, now: datetime) -> Hashable:
    """All of `job` that `nearest` looks at: names, and the values of those that may cost money or be forbidden.

    Whatever else two jobs of one key say, a prompt say, their answers are the same.
    """
    team, guarded = rules.policies.teams.get(principal.team), rules.prices.guarded(job.model, now)
    limited = {} if team is None else team.allow.look_alikes
    folds = ((name, value, fold(name)) for name, value in job.input.items())
    told = tuple((name, repr(value) if alike in guarded or alike in limited else "") for name, value, alike in folds)
    return principal.key.id, principal.key.revision, job.model, job.version, told


@dataclass(frozen=True, slots=True)
class _Door:
    """What every change must pass, by the very rules of a submit."""

    job: JobRequest
    principal: Principal
    rules: Rules
    standing: Standing
    now: datetime

    def opens(self, model: str, changes: Mapping[str, Scalar]) -> WouldPass | None:
        """The suggestion that these changes make, if they would be admitted."""
        quote = self._quote(model, {**self.job.input, **changes})
        return None if quote is None else self._passed(quote, changes)

    def others(self, asked: Quote, models: Mapping[str, ModelPrice]) -> Iterator[WouldPass]:
        """Other models of the same kind that the same input may run on for no more, the dearest first."""
        alike = islice((slug for slug in models if _alike(models[slug], models[asked.model])), _TRIED)
        quotes = [quote for slug in alike if (quote := self._quote(slug, self.job.input)) is not None]
        cheaper = [quote for quote in quotes if quote.hold_amount <= asked.hold_amount]
        for quote in sorted(cheaper, key=lambda one: (-one.hold_amount, one.model)):
            if (found := self._passed(quote, {})) is not None:
                yield found

    def _quote(self, model: str, inputs: Mapping[str, object]) -> Quote | None:
        if model in self.standing.closed:
            return None
        quote = self.rules.prices.quote(model, self.job.version, inputs, self.now)
        return quote if isinstance(quote, Quote) else None

    def _passed(self, quote: Quote, changes: Mapping[str, Scalar]) -> WouldPass | None:
        inputs = {**self.job.input, **changes}
        decision = decide(self.rules.policies, self.principal, quote.model, inputs, quote, self.now)
        if not isinstance(decision, Admit) or not self._room(decision):
            return None
        return WouldPass(changes, quote.model, quote.hold_amount)

    def _room(self, admit: Admit) -> bool:
        balances = self.standing.balances
        return all(
            (balance := balances.get(demand.account)) is not None and classify(demand, balance) is Verdict.OK
            for demand in admit.demands
            if demand.enforced
        )


def _alike(one: ModelPrice, asked: ModelPrice) -> bool:
    """Whether two models make the same of the same: the last word of a slug says what of what."""
    kind = asked.slug.rpartition("/")[2]
    return one.slug.rpartition("/")[2] == kind and one.meters.keys() == asked.meters.keys() and one.slug != asked.slug


def _changeable(job: JobRequest, price: ModelPrice, allow: Allow) -> Mapping[str, tuple[Scalar, ...]]:
    """The other options of every field that could have been another: the priced ones, and those a team may not choose.

    Each in the type that the client sent, or else in that of the default.
    """
    fields = {one.field: (one.default, tuple(each.text for each in one.options)) for one in price.factors}
    hidden = {one.field for one in price.factors if one.from_media}
    limited = {name: (None, options) for name, options in allow.input.items() if name in job.input}
    return {
        name: _typed(job.input.get(name, default), options)
        for name, (default, options) in {**limited, **fields}.items()
        if name not in hidden
    }


def _typed(given: object, options: tuple[str, ...]) -> tuple[Scalar, ...]:
    sent = option_text(given) if isinstance(given, str | int) else None
    return tuple(_in_type(text, given) for text in options if text != sent)


def _in_type(text: str, like: object) -> Scalar:
    if isinstance(like, bool) and text in ("true", "false"):
        return text == "true"
    if isinstance(like, int) and not isinstance(like, bool) and WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return text


def _changes(changeable: Mapping[str, tuple[Scalar, ...]], number: int) -> Iterator[Mapping[str, Scalar]]:
    """Every way to change so many of the fields."""
    for names in combinations(changeable, number):
        for values in product(*(changeable[name] for name in names)):
            yield dict(zip(names, values, strict=True))
