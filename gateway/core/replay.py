"""Recorded submissions decided once more, by other rules: the ledger as it would have been.

The rule of this file: it has no formula of its own. A submission is priced, decided, judged and moved by the functions
that do so for a real one; only the store's part, what stands on each account and when each rate was met, is kept here,
as `adapters/redis/lua/hold.lua` keeps it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Final, TypeAlias

from gateway.core.account import AccountScope, Balance, Demand, Meter
from gateway.core.admission import OverRate
from gateway.core.admit import Admit
from gateway.core.arrivals import Arrival, arrive
from gateway.core.durations import Durations
from gateway.core.entry import Move
from gateway.core.ledger import Charge, Flow, shift
from gateway.core.memory import Memory
from gateway.core.money import MicroUsd, Rounding, round_quotient
from gateway.core.plan import Rules
from gateway.core.policy import Deny, decide, lasts_until
from gateway.core.pricing import PriceUnknown, Quote, Unpriced
from gateway.core.principal import Principal, VirtualKey
from gateway.core.recorded import Request, Turn
from gateway.core.refusal import refusal
from gateway.core.refused import Why, why
from gateway.core.value import value

# What `core/refused.py` does not keep, because no rule about jobs refuses it.
_INVALID: Final = Why("INVALID_INPUT")
_NO_TEAM: Final = Why("API_KEY_INACTIVE")
_NOT_ALLOWED: Final = "MODEL_ACCESS_DENIED"
_REMEMBERED: Final = 4096
_PLANNED: Final = 16_384
_NO_PRICE: Final = "PRICE_UNKNOWN"
_MONEY: Final = Charge("", Meter.USD, 0, None)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@value
class Judged:
    """What a submission comes to by these rules: `refused` says why not, `amount` (micro-USD) what it would hold.

    `demands` are what it met, with the balances before it; none where it was refused before it met any. `charged` is
    what it cost at once, if nobody knows what else it would have.
    """

    refused: Why | None
    amount: MicroUsd
    demands: tuple[Demand, ...] = ()
    balances: tuple[Balance, ...] = ()
    charged: MicroUsd = 0


# What a step adds to posted and to held of each book that it changes.
_Shifts: TypeAlias = tuple[tuple[list[int], int, int], ...]


@value
class _Plan:
    """What a submission that the rules allow must find room for, and the books of those accounts."""

    quote: Quote
    admit: Admit
    books: tuple[list[int], ...]


@dataclass(slots=True)
class _Job:
    """An admitted one. What the provider charged for it is `amount / recorded` of what is recorded."""

    charges: tuple[Charge, ...]
    amount: MicroUsd
    recorded: MicroUsd

    def scaled(self, cost: MicroUsd) -> MicroUsd:
        if self.amount == self.recorded or not self.recorded:
            return cost
        return round_quotient(cost * self.amount, self.recorded, Rounding.HALF_UP)


class Replay:
    """The ledger under `rules`, from `opening` on: posted and held of each account before the first submission.

    `durations` is how long jobs run, for those that were refused when they were asked for.
    """

    def __init__(self, rules: Rules, opening: Mapping[str, Balance], durations: Durations) -> None:
        self._rules = rules
        self._books = {name: [balance.posted, balance.held] for name, balance in opening.items()}
        self._durations = durations
        self._arrivals: dict[Arrival, int] = {}
        self._jobs: dict[str, _Job] = {}
        self._known: dict[tuple[int, Flow, MicroUsd], tuple[tuple[Charge, ...], _Shifts]] = {}
        self._ends: list[tuple[datetime, str]] = []
        self._principals: dict[tuple[str, str, str, bool], Principal] = {}
        self._plans: Memory[_Plan | Judged] = Memory(_PLANNED)

    def submit(self, asked: Request) -> Judged:
        """Decide it at its own instant, and charge it where there is room."""
        self._end_jobs(asked.at)
        plan = self._plan(asked)
        if isinstance(plan, Judged):
            return plan
        if _stands(asked, plan.quote, self._rules):
            return Judged(asked.refused, plan.quote.hold_amount)
        return self._admit(asked, plan)

    def _plan(self, asked: Request) -> _Plan | Judged:
        """The same for like jobs until a window or a price ends or an override begins or ends, so remembered."""
        who = asked.organization, asked.team, asked.key, asked.test
        question = (*who, asked.model, asked.version, *asked.options.items())
        known = self._plans.recall(question, asked.at)
        if known is not None:
            return known
        plan = self._planned(asked)
        demands = plan.admit.demands if isinstance(plan, _Plan) else ()
        return self._plans.keep(question, plan, asked.at, self._lasts_until(asked, demands))

    def _planned(self, asked: Request) -> _Plan | Judged:
        inputs = self._inputs(asked)
        quote = self._rules.prices.quote(asked.model, asked.version, inputs, asked.at)
        if not isinstance(quote, Quote):
            return Judged(_unpriced(quote), 0)
        decision = decide(self._rules.policies, self._principal(asked), asked.model, inputs, quote, asked.at)
        if not isinstance(decision, Admit):
            return Judged(_denied(decision), quote.hold_amount)
        return _Plan(quote, decision, tuple([self._book(one.account) for one in decision.charges]))

    def _lasts_until(self, asked: Request, demands: tuple[Demand, ...]) -> datetime:
        policies, prices = self._rules.policies, self._rules.prices
        limits = policies.limits(asked.team) if asked.team in policies.teams else ()
        begin = [card.effective_from for card in prices.cards if card.effective_from > asked.at]
        return min((lasts_until(limits, demands, asked.at), *begin))

    def turn(self, hold: str, turn: Turn, at: datetime) -> MicroUsd:
        """The next step of a hold, at `at`: what it posts (micro-USD). Nothing of one that was refused here."""
        self._end_jobs(at)
        job = self._jobs.get(hold)
        return 0 if job is None else self._turn(job, turn)

    def _turn(self, job: _Job, turn: Turn) -> MicroUsd:
        cost = job.scaled(turn.plus) - job.scaled(turn.minus) if turn.plus or turn.minus else 0
        for book, added, set_aside in self._shifts(job.charges, turn.flow, cost):
            book[0] += added
            book[1] += set_aside
        return posted(turn.flow, cost) if cost else 0

    def _shifts(self, charges: tuple[Charge, ...], flow: Flow, cost: MicroUsd) -> _Shifts:
        """What such a step does to which books. Jobs of one kind have the very same charges, and come in crowds."""
        known = self._known.get((id(charges), flow, cost))
        if known is not None and known[0] is charges:
            return known[1]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        all_of_them = [(self._book(one.account), *shift(one, flow, cost)) for one in charges]
        found = tuple([one for one in all_of_them if one[1] or one[2]])
        self._known[id(charges), flow, cost] = charges, found
        return found

    def moved(self, at: datetime, moves: Iterable[Move]) -> None:
        """What became of something older than the replay, as it is recorded."""
        self._end_jobs(at)
        for move in moves:
            book = self._book(move.account)
            book[0] += move.posted
            book[1] += move.held

    def forget(self, hold: str) -> None:
        """Nothing becomes of it any more."""
        self._jobs.pop(hold, None)

    def balance(self, account: str) -> Balance:
        posted, held = self._books.get(account, (0, 0))
        return Balance(posted, held)

    def _inputs(self, asked: Request) -> Mapping[str, str]:
        """The fields as they would be sent: what only the media decides is not, nor what has no price any more."""
        price = self._rules.prices.price(asked.model, asked.at)
        if price is None:
            return {}
        fields = [one.field for one in price.factors if not one.from_media]
        return {field: asked.options[field] for field in fields if field in asked.options}

    def _principal(self, asked: Request) -> Principal:
        question = (asked.organization, asked.team, asked.key, asked.test)
        known = self._principals.get(question)
        if known is None:
            known = self._principals[question] = _somebody(*question)
        return known

    def _admit(self, asked: Request, plan: _Plan) -> Judged:
        quote, admit, books = plan.quote, plan.admit, plan.books
        arrivals = arrive(self._arrivals, admit.rates, asked.at)
        balances = tuple([Balance(posted, held) for posted, held in books])
        if isinstance(arrivals, OverRate):
            return Judged(why(arrivals), quote.hold_amount, admit.demands, balances)
        refused = refusal(admit.demands, balances)
        if refused is not None:
            return Judged(why(refused), quote.hold_amount, admit.demands, balances)
        self._arrivals.update(arrivals)
        for book, one in zip(books, admit.charges, strict=True):
            book[1] += one.amount
        job = _Job(admit.charges, quote.hold_amount, asked.amount or 0)
        self._jobs[asked.id] = job
        charged = 0 if asked.refused is None else self._take_its_course(asked, job, quote)
        return Judged(None, quote.hold_amount, admit.demands, balances, charged)

    def _take_its_course(self, asked: Request, job: _Job, quote: Quote) -> MicroUsd:
        """Nobody knows what would have become of it: it costs what was quoted, and runs as long as others did."""
        job.recorded = job.amount
        heappush(self._ends, (asked.at + self._durations.of(asked.model), asked.id))
        return self._turn(job, Turn(Flow.POST_HELD, quote.amount))

    def _end_jobs(self, now: datetime) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, hold = heappop(self._ends)
            self._turn(self._jobs.pop(hold), Turn(Flow.END))

    def _book(self, account: str) -> list[int]:
        book = self._books.get(account)
        if book is None:
            book = self._books[account] = [0, 0]
        return book


def posted(flow: Flow, cost: MicroUsd) -> MicroUsd:
    """What a step posts on an account of money."""
    return shift(_MONEY, flow, cost)[0]


def _unpriced(quote: Unpriced) -> Why:
    return Why(_NO_PRICE) if isinstance(quote, PriceUnknown) else _INVALID


def _denied(decision: Deny) -> Why:
    return why(decision) or _NO_TEAM


def _stands(asked: Request, quote: Quote, rules: Rules) -> bool:
    """Whether what refused it is nothing that these rules know: the key's own list, an option in a field without a
    price, a price that was closed.
    """
    refused = asked.refused
    if refused is None or refused.limit is not None:
        return False
    if refused.code == _NO_PRICE:
        return asked.amount is not None and asked.rate_card == quote.rate_card
    if refused.code != _NOT_ALLOWED:
        return False
    unseen = rules.policies.teams[asked.team].allow.input.keys() - asked.options.keys()
    return refused.scope == AccountScope.KEY or bool(unseen)


def _somebody(organization: str, team: str, key: str, test: bool) -> Principal:
    """A key that may do all that its team may: what it may not do itself is not recorded."""
    virtual = VirtualKey(
        id=key,
        team=team,
        name=key,
        digest="",
        pepper_version=0,
        last_four="",
        scopes=frozenset(),
        models=(),
        networks=(),
        created_at=_EPOCH,
        expires_at=None,
        revoked_at=None,
        revision=0,
        test=test,
    )
    return Principal(organization, virtual, virtual.digest)
