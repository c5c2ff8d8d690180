"""The control plane's route that says what applying policies would do, and its document."""

from typing import Final, TypeAlias

from gateway.core.account import Balance, Meter
from gateway.core.policy_change import Change
from gateway.core.policy_facts import Facts
from gateway.core.policy_version import NONE_LIVE
from gateway.core.role import Power
from gateway.service.policy_plan import LeftBehind, Planned, Standing
from gateway.web import admin_errors
from gateway.web.admin_policies import REFUSED, FilesBody, wanted
from gateway.web.limit_rows import amount
from gateway.web.operation import Answer, Call, Document, Nothing, Operation
from gateway.web.problem import GatewayError

FactText: TypeAlias = str | int | bool | tuple[str, ...] | dict[str, str | tuple[str, ...] | None] | None


class PolicyChange(Document):
    """One thing that would be added, removed or changed, or start anew; of what changes, the fields that differ.

    `owner` is a team, or `organization`, to which prices belong as well.
    """

    owner: str
    thing: str
    name: str
    verb: str
    before: dict[str, FactText]
    after: dict[str, FactText]


class Amounts(Document):
    """A limit and what stands on it. Money is a string of USD, counts are numbers."""

    limit: str
    meter: str
    window: str
    posted: str | int
    held: str | int


class AccountAmounts(Amounts):
    """The same for one account, with the ceiling that it would have. `account` is a slug, or the id of a key."""

    account: str
    ceiling: str | int


class Needed(Document):
    """What applying the files must be given: the live version that was compared with, and what must be named."""

    expect: str
    reset: tuple[str, ...]
    remove_teams: tuple[str, ...]


class PlannedPolicies(Document):
    """What `version` would change of `live`; `used` is what the gateway compared it with.

    `left_behind` counts no more, on `full` nothing more would pass, `found` counts again as it did once. `keys` are
    the usable keys of each team that is affected.
    """

    live: str | None
    used: str | None
    version: str
    changes: tuple[PolicyChange, ...]
    needs: Needed
    left_behind: tuple[Amounts, ...]
    full: tuple[AccountAmounts, ...]
    found: tuple[AccountAmounts, ...]
    keys: dict[str, int]


async def plan_policies(call: Call[Nothing, FilesBody]) -> Answer | GatewayError:
    files = await wanted(call.control.desk, call.body)
    if isinstance(files, GatewayError):
        return files
    planned = await call.control.planner.plan(files)
    return Answer(_document(planned)) if isinstance(planned, Planned) else admin_errors.not_published(planned)


def _document(plan: Planned) -> PlannedPolicies:
    resets = tuple(f"{one.owner}/{one.limit.name}" for one in plan.resets)
    return PlannedPolicies(
        live=plan.live,
        used=plan.used,
        version=plan.version,
        changes=tuple(_change(one) for one in plan.changes),
        needs=Needed(expect=plan.live or NONE_LIVE, reset=resets, remove_teams=plan.remove_teams),
        left_behind=tuple(_left_behind(one) for one in plan.resets),
        full=tuple(_account(one) for one in plan.full),
        found=tuple(_account(one) for one in plan.found),
        keys=dict(plan.keys),
    )


def _change(change: Change) -> PolicyChange:
    place = change.place
    return PolicyChange(
        owner=place.owner,
        thing=place.thing,
        name=place.name,
        verb=change.verb,
        before=_facts(change.before),
        after=_facts(change.after),
    )


def _facts(facts: Facts) -> dict[str, FactText]:
    document: dict[str, FactText] = {}
    for field, fact in facts.items():
        if isinstance(fact, str | int | tuple) or fact is None:
            document[field] = fact
        else:
            document[field] = {name: one for name, one in fact.items() if one is None or isinstance(one, str | tuple)}
    return document


def _left_behind(one: LeftBehind) -> Amounts:
    name = f"{one.owner}/{one.limit.name}"
    meter = one.limit.meter
    return Amounts(limit=name, meter=meter, window=one.window, **_balance(meter, one.balance))


def _account(one: Standing) -> AccountAmounts:
    account = one.demand.account
    return AccountAmounts(
        limit=f"{one.owner}/{account.limit}",
        meter=account.meter,
        window=account.window,
        account=account.owner,
        ceiling=amount(account.meter, one.demand.ceiling),
        **_balance(account.meter, one.balance),
    )


def _balance(meter: Meter, balance: Balance) -> dict[str, str | int]:
    return {"posted": amount(meter, balance.posted), "held": amount(meter, balance.held)}


OPERATIONS: Final = (
    Operation(
        *("POST", "/admin/v1/policies/plan", "Say what applying would do", Power.READ_POLICIES),
        *(plan_policies, PlannedPolicies),
        body=FilesBody,
        errors=(*REFUSED, "POLICY_NOT_FOUND"),
    ),
)
