"""Holds on the control plane: what somebody sees of them, and what somebody decides about one, signed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.ledger import RedisLedger
from gateway.core.ledger import Hold, Verb
from gateway.service import hold_desk
from tests.adapters.redis.holds import RUNNING, TEAM, admission, demand, open_ledger
from tests.control import RunningControl, running_control
from tests.doubles import NOON, policy_files

PRICE = 350_000
SIGNED = {"author": "ada", "reason": "the provider's support says so"}


@dataclass
class Desk:
    plane: RunningControl
    ledger: RedisLedger

    async def doubted(self, name: str, at: float = 0, **more: Any) -> Hold:
        sent = NOON + timedelta(seconds=at)
        plain = {"created_at": sent, "deadline": sent + timedelta(seconds=30)}
        asked = admission(name, demand(TEAM, PRICE, 10**9), demand(RUNNING, 1, 100), **{**plain, **more})
        await self.ledger.admit(asked, sent)
        await self.ledger.move(Verb.DOUBT, asked.hold, sent, facts={"cause": "no answer in time"})
        return asked.hold

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        return await self.plane.ask(method, f"/admin/v1/holds{path}", body)

    async def owed(self) -> tuple[int, int]:
        (balance,) = await self.ledger.balances([TEAM])
        return balance.posted, balance.held


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    ledger = await open_ledger(store, timedelta(days=36_500))
    async with running_control(store) as plane:
        yield Desk(plane, ledger)


async def test_a_hold_in_doubt_is_shown_with_its_candidates_and_the_commands_that_decide_it(desk: Desk) -> None:
    hold = await desk.doubted("hold_1")
    desk.plane.provider.make("job_1", hold.model, NOON + timedelta(seconds=2))
    desk.plane.provider.make("job_2", "google/veo-3.1-fast/text-to-video", NOON)
    status, told = await desk.ask("GET", "/hold_1")
    assert status == 200
    assert {name: told[name] for name in ("id", "state", "team", "held_usd", "cost_usd", "job", "cause")} == {
        "id": "hold_1",
        "state": "in_doubt",
        "team": "red",
        "held_usd": "0.350000",
        "cost_usd": None,
        "job": None,
        "cause": "no answer in time",
    }
    (candidate,) = told["candidates"]
    assert (candidate["job"], candidate["created_at"]) == ("job_1", "2026-11-23T12:00:02Z")
    assert candidate["capture"].startswith("tollhouse hold capture hold_1 --job job_1 ")
    assert told["void"].startswith("tollhouse hold void hold_1 ")


async def test_where_the_list_does_not_answer_no_candidates_are_claimed(desk: Desk) -> None:
    await desk.doubted("hold_1")
    desk.plane.provider.answers.append(None)
    desk.plane.provider.make("old", "m", NOON - timedelta(days=1), hidden=True)
    status, told = await desk.ask("GET", "/hold_1")
    assert (status, told["candidates"]) == (200, [])


async def test_lists_are_by_state_and_the_longest_in_doubt_first(desk: Desk) -> None:
    await desk.doubted("hold_2", 5)
    await desk.doubted("hold_1")
    lost = await desk.doubted("hold_3", 9)
    await desk.ledger.move(Verb.CAPTURE, lost, NOON, job="job_3", cost=PRICE)
    await desk.ledger.move(Verb.LOSE, lost, NOON, facts={"cause": "no end after 24 hours"})
    for query, found in (
        ("?state=in_doubt", ["hold_1", "hold_2"]),
        ("?state=lost", ["hold_3"]),
        ("?state=held", []),
        ("", ["hold_1", "hold_2", "hold_3"]),
    ):
        status, told = await desk.ask("GET", query)
        assert (status, [one["id"] for one in told["holds"]]) == (200, found)
    assert (await desk.ask("GET", "?state=captured"))[0] == 400
    assert (await desk.ask("GET", "?teams=red"))[0] == 400


@pytest.mark.parametrize(("named", "posted"), [(None, PRICE), ("0.2", 200_000), ("0", 0), ("5.000001", 5_000_001)])
async def test_a_capture_books_the_job_and_is_signed(desk: Desk, named: str | None, posted: int) -> None:
    await desk.doubted("hold_1")
    cost = {} if named is None else {"cost_usd": named}
    status, told = await desk.ask("POST", "/hold_1/capture", {"job": "job_1", **SIGNED, **cost})
    assert (status, told["state"], told["job"], told["matched"]) == (200, "captured", "job_1", "operator")
    assert await desk.owed() == (posted, 0)
    *_, entry, _ = await desk.ledger.entries()
    assert (entry.kind, entry.facts["author"], entry.facts["reason"]) == ("captured", "ada", SIGNED["reason"])


async def test_a_void_releases_the_hold_and_is_signed(desk: Desk) -> None:
    await desk.doubted("hold_1")
    status, told = await desk.ask("POST", "/hold_1/void", SIGNED)
    assert (status, told["state"], told["cause"]) == (200, "voided", "operator")
    assert await desk.owed() == (0, 0)
    *_, entry, _ = await desk.ledger.entries()
    assert (entry.kind, entry.facts["author"]) == ("voided", "ada")


async def test_what_was_voided_and_runs_after_all_is_booked(desk: Desk) -> None:
    await desk.doubted("hold_1")
    await desk.ask("POST", "/hold_1/void", SIGNED)
    status, told = await desk.ask("POST", "/hold_1/capture", {"job": "job_1", **SIGNED})
    assert (status, told["state"]) == (200, "captured")
    assert await desk.owed() == (PRICE, 0)
    *_, entry, _ = await desk.ledger.entries()
    assert entry.kind == "overage"


@pytest.mark.parametrize("action", ["capture", "void"])
async def test_what_is_decided_is_not_decided_again(desk: Desk, action: str) -> None:
    await desk.doubted("hold_1")
    body = {"job": "job_1", **SIGNED}
    assert (await desk.ask("POST", "/hold_1/capture", body))[0] == 200
    status, told = await desk.ask("POST", f"/hold_1/{action}", body if action == "capture" else SIGNED)
    assert (status, told["error"]["code"]) == (409, "HOLD_NOT_IN_DOUBT")
    assert told["error"]["details"]["job"] == "job_1"
    assert await desk.owed() == (PRICE, 0)


@pytest.mark.parametrize("action", ["capture", "void"])
async def test_a_submit_that_may_still_be_answered_is_nobodys_to_decide(desk: Desk, action: str) -> None:
    asked = admission("hold_1", demand(TEAM, PRICE, 10**9), created_at=NOON)
    await desk.ledger.admit(asked, NOON)
    status, told = await desk.ask("POST", f"/hold_1/{action}", SIGNED | ({"job": "j"} if action == "capture" else {}))
    assert (status, told["error"]["details"]["state"]) == (409, "held")
    assert await desk.owed() == (0, PRICE)


async def test_a_job_of_another_hold_is_not_given_to_a_second(desk: Desk) -> None:
    await desk.doubted("hold_1")
    await desk.doubted("hold_2")
    await desk.ask("POST", "/hold_1/capture", {"job": "job_1", **SIGNED})
    status, told = await desk.ask("POST", "/hold_2/capture", {"job": "job_1", **SIGNED})
    assert (status, told["error"]["code"], told["error"]["details"]["hold"]) == (409, "JOB_TAKEN", "hold_1")
    assert await desk.owed() == (PRICE, PRICE)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("void", {"author": "ada"}),
        ("void", {"reason": "why"}),
        ("void", {"author": " ", "reason": "why"}),
        ("void", {"author": "ada", "reason": "x" * 201}),
        ("void", {"author": "ada", "reason": "a\nb"}),
        ("capture", SIGNED),
        ("capture", {**SIGNED, "job": ""}),
        ("capture", {**SIGNED, "job": "j", "cost_usd": "-1"}),
        ("capture", {**SIGNED, "job": "j", "cost_usd": 1}),
    ],
)
async def test_nobody_decides_without_a_name_and_a_reason(desk: Desk, action: str, body: object) -> None:
    await desk.doubted("hold_1")
    assert (await desk.ask("POST", f"/hold_1/{action}", body))[0] == 400
    assert await desk.owed() == (0, PRICE)


async def test_a_hold_that_is_not_there(desk: Desk) -> None:
    for method, path, body in (
        ("GET", "/hold_9", None),
        ("POST", "/hold_9/void", SIGNED),
        ("POST", "/hold_9/capture", {"job": "j", **SIGNED}),
    ):
        status, told = await desk.ask(method, path, body)
        assert (status, told["error"]["code"]) == (404, "HOLD_NOT_FOUND")


async def pages(desk: Desk, query: str, headers: Mapping[str, str] | None = None) -> list[list[str]]:
    """The ids of every page, one after the other."""
    found: list[list[str]] = []
    more = ""
    while True:
        path = f"/admin/v1/holds?{query}{more}"
        status, told = await desk.plane.ask("GET", path, headers=headers)
        assert status == 200, told
        found.append([one["id"] for one in told["holds"]])
        if told["next_cursor"] is None:
            return found
        more = f"&cursor={told['next_cursor']}"


async def test_a_list_goes_on_page_by_page_through_states_and_instants_alike(desk: Desk) -> None:
    for number in range(5):
        await desk.doubted(f"hold_{number}")
    for name in ("hold_7", "hold_8"):
        asked = admission(name, demand(TEAM, PRICE, 10**9), created_at=NOON, deadline=NOON + timedelta(seconds=30))
        await desk.ledger.admit(asked, NOON)
    assert await pages(desk, "limit=3") == [["hold_0", "hold_1", "hold_2"], ["hold_3", "hold_4", "hold_7"], ["hold_8"]]
    assert await pages(desk, "limit=2&state=held") == [["hold_7", "hold_8"]]
    status, told = await desk.ask("GET", "?limit=2&state=in_doubt")
    await desk.doubted("hold_00")
    _, second = await desk.ask("GET", f"?limit=2&state=in_doubt&cursor={told['next_cursor']}")
    assert (status, [one["id"] for one in second["holds"]]) == (200, ["hold_2", "hold_3"])


async def test_a_team_lead_misses_none_behind_any_number_of_other_teams_holds(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_desk, "_AT_ONCE", 4)
    monkeypatch.setattr(hold_desk, "_LOOKED_AT", 10)
    for number in range(24):
        await desk.doubted(f"hold_{number:02}", number)
    for number in range(3):
        await desk.doubted(f"mine_{number}", 30 + number, team="blue")
    # The ledger of these tests names policies that nobody has written.
    await store.command("DEL", keys.POLICY)
    files = policy_files("red", "blue")
    assert (await desk.plane.ask("POST", "/admin/v1/policies/apply", {"files": files}))[0] == 200
    body = {"name": "lee", "role": "team-lead", "team": "blue"}
    status, lead = await desk.plane.ask("POST", "/admin/v1/admin-keys", body)
    assert status == 201, lead
    for query, headers in (("limit=2", {"Authorization": f"Bearer {lead['key']}"}), ("limit=2&team=blue", None)):
        found = await pages(desk, query, headers)
        assert [one for page in found for one in page] == ["mine_0", "mine_1", "mine_2"]
        # No call looks at more than it may, so the first ones find nothing, and say where to go on.
        assert found[:2] == [[], []]
        assert max(map(len, found)) <= 2
    assert await pages(desk, "team=red&limit=1000&state=lost") == [[]]
    assert len([one for page in await pages(desk, "team=red") for one in page]) == 24


@pytest.mark.parametrize("query", ["cursor=x", "cursor=", "limit=0", "limit=1001", "limit=x"])
async def test_what_no_page_named_is_refused_by_name(desk: Desk, query: str) -> None:
    status, told = await desk.ask("GET", f"?{query}")
    assert (status, told["error"]["code"]) == (400, "INVALID_INPUT")
    assert told["error"]["details"]["field"] == query.partition("=")[0]
