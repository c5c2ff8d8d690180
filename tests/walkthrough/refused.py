"""Asking for a refusal in both of its forms, and what must be true of every one of them."""

from collections.abc import Mapping
from typing import Final

from tests.walkthrough.house import SEED, SLUG, Answer, House, Key

PROBLEM: Final = "application/problem+json"
SUBMIT: Final = ("POST", "/v1/jobs/submit")
QUOTE: Final = ("POST", "/tollhouse/v1/quote")
ME: Final = ("GET", "/tollhouse/v1/me")
EVERYWHERE: Final = (SUBMIT, QUOTE, ME)
JOB: Final = {"model": SLUG, "input": dict(SEED)}


async def refused(
    house: House,
    key: Key | None,
    route: tuple[str, str] = SUBMIT,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    same: bool = True,
) -> Answer:
    """Ask in both forms; the answer in the envelope.

    `same` false: it is another job the second time, and the numbers may have moved on.
    """
    method, path = route
    sent = {"X-Request-Id": "mine/1", **(headers or {})}
    given = (JOB if body is None else body) if method == "POST" else None
    answer = await house.ask(method, path, key, body=given, headers=sent)
    again = (
        {**given, "input": {**given["input"], "prompt": "another"}} if isinstance(given, dict) and not same else given
    )
    problem = await house.ask(method, path, key, body=again, headers={**sent, "Accept": PROBLEM})

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.document.keys() == {"success", "error", "requestId"}
    assert answer.document["success"] is False
    assert answer.error.keys() == {"code", "message", "details"}
    assert answer.details["source"] == answer.headers["Tollhouse-Error-Source"] == "gateway"
    assert answer.document["requestId"] == answer.headers["X-Request-Id"] == "mine/1"

    assert problem.headers["Content-Type"] == PROBLEM
    assert problem.status == answer.status == problem.document["status"]
    assert (problem.document["code"], problem.document["requestId"]) == (answer.code, "mine/1")
    assert problem.headers["Tollhouse-Error-Source"] == "gateway"
    if same:
        assert problem.document["detail"] == answer.error["message"]
        assert problem.document["details"] == answer.details
    return answer


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


async def untouched(house: House) -> None:
    """No refusal left a trace: not in the accounts, not among the holds, not upstream."""
    assert await house.accounts() == {}
    assert await house.states() == {}
    assert await house.entries() == ()
    assert house.upstream_calls == 0
