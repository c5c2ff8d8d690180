"""A real Prometheus watches two gateways under load: its totals are the SQL ledger's, and somebody is woken."""

from typing import Final

import pytest

from tests.adapters.sql.databases import Reader
from tests.rigs.child import until_so
from tests.rigs.crowd import COST
from tests.rigs.fleet import Fleet, open_fleet
from tests.rigs.prometheus import watched
from tests.walkthrough.house import SLUG, Key
from tests.walkthrough.policies import budget, organization, team

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("prometheus")]

FAILING: Final = {"failure_rate": 1.0, "pending_seconds": 0, "processing_seconds": 0}


async def load(fleet: Fleet, key: Key) -> None:
    """Jobs at both gateways, some of which fail and give their money back, until the budget refuses."""
    for number in range(12):
        faults = FAILING if number % 3 == 0 else {}
        attempt = await fleet.crowd.submit(fleet.gateways[number % 2], key, sandbox=faults)
        assert attempt.accepted, attempt.document
    await until_so(lambda: _refunded(fleet, 4))
    told = ["accepted"]
    while told[-3:] != ["BUDGET_EXCEEDED"] * 3:
        told.append((await fleet.crowd.submit(fleet.gateways[len(told) % 2], key)).told)
    assert set(told) == {"accepted", "BUDGET_EXCEEDED"}


async def _refunded(fleet: Fleet, count: int) -> bool:
    return sum(entry.kind == "refunded" for entry in (await fleet.books()).entries) == count


def by_sql(database: str, query: str) -> dict[tuple[str, ...], int]:
    reader = Reader(database)
    try:
        return {tuple(str(one) for one in row[:-1]): int(str(row[-1])) for row in reader.rows(query)}
    finally:
        reader.close()


CHARGED: Final = """
SELECT h.model, h.team, sum(c.cost) FROM ledger_entries c
JOIN ledger_entries h ON h.hold = c.hold AND h.record IS NOT NULL WHERE c.kind = 'captured' GROUP BY 1, 2
"""
BACK: Final = """
SELECT h.team, sum(json_extract(r.facts, '$.refunded')) FROM ledger_entries r
JOIN ledger_entries h ON h.hold = r.hold AND h.record IS NOT NULL WHERE r.kind = 'refunded' GROUP BY 1
"""
REFUSED: Final = "SELECT limit_name, team, sum(amount) FROM refused_submissions GROUP BY 1, 2"


async def test_totals_are_the_ledgers_no_gauge_doubles_and_somebody_is_woken() -> None:
    policies = [team(budget("14.00")), organization(budget("1000.00", "company"))]
    async with open_fleet(*policies, gateways=2) as fleet, watched(fleet) as (prometheus, told):
        key = await fleet.key()
        await load(fleet, key)
        await until_so(fleet.all_exported)

        async def same() -> bool:
            seen = [
                await prometheus.micros("sum by (model, team) (tollhouse_cost_usd_total)"),
                await prometheus.micros("sum by (team) (tollhouse_refund_usd_total)"),
                await prometheus.micros("sum by (limit, team) (tollhouse_refused_usd_total)"),
            ]
            return seen == [by_sql(fleet.database, query) for query in (CHARGED, BACK, REFUSED)]

        await until_so(same)
        assert by_sql(fleet.database, BACK) == {("video",): 4 * COST}
        assert by_sql(fleet.database, REFUSED) == {("budget", "video"): 3 * COST}
        charged = by_sql(fleet.database, CHARGED)[(SLUG, "video")]
        assert charged - 4 * COST == 20 * COST

        # Both gateways say what stands on a limit, and the rules say it once.
        each = await prometheus.ask('tollhouse_limit_posted{limit="budget"}')
        assert sorted(each.values()) == [14.0, 14.0]

        async def once() -> bool:
            recorded = await prometheus.ask('sum by (limit, scope) (tollhouse:limit_posted{meter="usd"})')
            return recorded == {("budget", "team"): 14.0, ("company", "organization"): 14.0}

        await until_so(once)

        async def woken() -> bool:
            return any(one["labels"]["alertname"] == "TollhouseLimitReached" for one in told)

        await until_so(woken)
        alert = next(one for one in told if one["labels"]["alertname"] == "TollhouseLimitReached")
        assert (alert["labels"]["team"], alert["labels"]["limit"]) == ("video", "budget")
        assert alert["annotations"]["summary"] == "jobs of video are refused by budget"
