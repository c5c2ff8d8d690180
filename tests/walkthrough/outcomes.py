"""Submits whose outcome is checked to the end: what the client is told, the hold, every account, the upstream."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests.walkthrough.house import SEED, Answer, House, Key
from tests.walkthrough.policies import budget, in_flight, quota, team

COST: Final = 700_000

# One limit of every kind, none of which is ever met.
RULES: Final = team(budget("1000.00"), quota("jobs", 1000), quota("seconds", 10_000), in_flight(1000))


@dataclass(slots=True)
class Story:
    """One house, and what has become of all its submits so far."""

    house: House
    key: Key
    ends: Counter[str] = field(default_factory=Counter)
    submits: int = 0

    async def submit(self, **given: object) -> Answer:
        """One job of $0.70, like no other: while one is in doubt, an equal one would have to wait for it."""
        self.submits += 1
        return await self.house.submit(self.key, **{**SEED, "prompt": f"take {self.submits}"}, **given)

    async def ends_as(self, state: str, answer: Answer) -> None:
        """The hold behind this answer is in `state`, and every account stands as all the submits together say."""
        self.ends[state] += 1
        assert (await self.house.hold(answer.hold)).state == state
        await self.stands()

    async def stands(self) -> None:
        """Captured jobs are posted, doubtful ones held, both run; voided ones are as if they had never been."""
        captured, doubtful = self.ends["captured"], self.ends["in_doubt"] + self.ends["held"]
        assert await self.house.states() == dict(self.ends)
        assert await self.house.accounts() == {
            "organization:acme:ample:usd": (captured * COST, doubtful * COST),
            "team:video:budget:usd": (captured * COST, doubtful * COST),
            "team:video:jobs:jobs": (captured, doubtful),
            "team:video:seconds:seconds": (captured * 5, doubtful * 5),
            "team:video:at-once:in_flight": (0, captured + doubtful),
        }


async def story(house: House) -> Story:
    return Story(house, await house.key())


def passed_on(answer: Answer, status: int, body: bytes) -> bool:
    """Whether the client got the upstream's answer, byte for byte, and was told whose it is if it is an error."""
    source = answer.headers.get("Tollhouse-Error-Source")
    return (answer.status, answer.body, source) == (status, body, "upstream" if status >= 400 else None)


def in_doubt(answer: Answer) -> bool:
    """Whether the client was told that nobody knows, and not to try again."""
    assert answer.headers["x-should-retry"] == "false"
    assert "Retry-After" not in answer.headers
    assert answer.headers["Tollhouse-Cost-Usd"] == "0.700000"
    return (answer.status, answer.code, answer.details["hold"]) == (504, "SUBMIT_OUTCOME_UNKNOWN", answer.hold)


def envelope(code: str, **more: object) -> bytes:
    """An error body as the provider documents it, written in a way that no JSON library would write it."""
    error = {"code": code, "message": "Nein \u2014 so nicht"}
    return json.dumps({"success": False, "error": error, "requestId": "req_1", **more}, indent=3).encode() + b" \n"


def bare(code: str) -> bytes:
    """The same without `success` and `requestId`, which some of the provider's pages leave out."""
    return json.dumps({"error": {"code": code}}).encode()


def accepted(job_id: str, **more: object) -> bytes:
    """The reply to a submit of $0.70."""
    return json.dumps({"jobId": job_id, "status": "pending", "costMicroCents": COST, **more}).encode()
