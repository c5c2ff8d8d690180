"""The errors that say what is wrong with a request: path, body, model, input, webhook address."""

import json
from collections.abc import AsyncIterator
from itertools import product

import pytest

from tests.walkthrough.house import SEED, SLUG, House, open_house
from tests.walkthrough.policies import allow, quota, team
from tests.walkthrough.refused import JOB, QUOTE, SUBMIT, refused, told, untouched
from tests.web.wire import Server, post, raw


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def test_which_model_with_which_input() -> None:
    rules = allow(models=["kling/*", "google/*"], cost_per_job="0.70", input={"has_sound": ["false", "true"]})
    film = quota("seconds", 7, "film", models=["kling/*"])
    quiet = team(allow(input={"has_sound": ["false"]}), slug="quiet")
    async with open_house(team(rules, film), quiet) as house:
        key, narrow, silent = await house.key(), await house.key(models=["google/*"]), await house.key("quiet")

        for route in (SUBMIT, QUOTE):
            seedream = {"model": "bytedance-plus/seedream-v4.5/text-to-image", "input": {}}
            answer = await refused(house, key, route, body=seedream)
            assert (*told(answer), answer.details["scope"]) == (403, "MODEL_ACCESS_DENIED", "team")
            answer = await refused(house, narrow, route)
            assert (*told(answer), answer.details["scope"]) == (403, "MODEL_ACCESS_DENIED", "key")
            answer = await refused(house, silent, route)
            assert (*told(answer), answer.details["field"]) == (403, "MODEL_ACCESS_DENIED", "has_sound")
            assert answer.details["options"] == ["false"]

            # Dearer than one job of the team may be.
            answer = await refused(house, key, route, body={"model": SLUG, "input": {**SEED, "duration": 10}})
            assert told(answer) == (402, "REQUEST_EXCEEDS_LIMIT")
            assert answer.headers["x-should-retry"] == "false"
            assert (answer.details["limit"], answer.details["ceiling"]) == ("cost_per_job", "0.700000")
            assert answer.details["required"] == "1.400000"

            for missing, version in (("kling/kling-9/text-to-video", None), (SLUG, "v9")):
                named = {"model": missing, "input": {}} | ({} if version is None else {"version": version})
                answer = await refused(house, key, route, body=named)
                assert told(answer) == (403, "PRICE_UNKNOWN")
                assert (answer.details["model"], answer.details["version"]) == (missing, version)
        await untouched(house)


async def test_what_is_wrong_with_the_body_is_named(house: House) -> None:
    key = await house.key()
    grok = "xai/grok-imagine/image-to-video"
    wrong: list[tuple[object, str, list[str] | None]] = [
        ({"input": {}}, "model", None),
        ({"model": SLUG}, "input", None),
        ({"model": SLUG, "input": []}, "input", None),
        ({"model": SLUG, "input": {}, "budget": 5}, "budget", None),
        ({"model": SLUG, "input": {}, "version": None}, "version", None),
        ({"model": SLUG, "input": {"duration": "7"}}, "duration", ["5", "10"]),
        ({"model": SLUG, "input": {"resolution": "4k"}}, "resolution", None),
        ({"model": grok, "input": {"duration": "6"}}, "resolution", ["480p", "720p"]),
        (b"[]", "body", None),
        (b"", "body", None),
    ]
    for route, (body, field, options) in product((SUBMIT, QUOTE), wrong):
        answer = await refused(house, key, route, body=body)
        assert told(answer) == (400, "INVALID_INPUT"), body
        assert answer.details["field"] == field
        assert answer.details.get("options") == options
        assert field in answer.error["message"]
    await untouched(house)


async def test_a_query_string_on_a_submit(house: House) -> None:
    key = await house.key()
    for query in ("?", "?model=x", "?duration=10"):
        # Written as bytes, because a client library drops an empty query.
        line = f"POST /v1/jobs/submit{query} HTTP/1.1"
        body = json.dumps(JOB).encode()
        answer = await Server(house.port).ask(post(f"x-api-key: {key.secret}", line=line, body=body))
        assert (answer.status, answer.error["code"]) == (400, "INVALID_INPUT")
    await untouched(house)


@pytest.mark.parametrize("route", [SUBMIT, QUOTE])
async def test_a_body_of_another_type_or_size_or_pace(route: tuple[str, str]) -> None:
    method, path = route
    async with open_house(max_body="1KiB", body_timeout="200ms") as house:
        key = await house.key()
        large = await refused(house, key, route, body=b"{" + b" " * 1023 + b"}")
        assert told(large) == (413, "BODY_TOO_LARGE")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"):
            answer = await refused(house, key, route, headers={"Content-Type": kind})
            assert told(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
        answer = await refused(house, key, route, headers={"Content-Encoding": "gzip"})
        assert told(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")

        lines = ("Host: gateway", f"x-api-key: {key.secret}", "Content-Type: application/json", "Content-Length: 100")
        late = await Server(house.port).ask(raw(f"{method} {path} HTTP/1.1", *lines, body=b"{"))
        assert (late.status, late.error["code"]) == (408, "INVALID_INPUT")
        await untouched(house)


async def test_a_webhook_address_that_the_upstream_must_not_be_told(house: House) -> None:
    key = await house.key()
    for address in ("http://example.com/hook", "https://127.0.0.1/hook", "https://10.0.0.1/", "ftp://example.com/x"):
        answer = await refused(house, key, body={**JOB, "webhookUrl": address})
        assert told(answer) == (400, "INVALID_WEBHOOK_URL"), address
        assert answer.details["field"] == "webhookUrl"
        assert address not in answer.body.decode()
    await untouched(house)
    assert (await house.ask(*SUBMIT, key, body={**JOB, "webhookUrl": "https://hooks.example.com/x"})).status == 200


async def test_a_private_webhook_address_that_is_allowed() -> None:
    async with open_house(webhook_allow_hosts="127.0.0.1") as house:
        key = await house.key()
        assert (await house.ask(*SUBMIT, key, body={**JOB, "webhookUrl": "https://127.0.0.1/hook"})).status == 200


async def test_other_paths_and_methods(house: House) -> None:
    """Nothing but the listed routes answers, and none of them by another name."""
    key = await house.key()
    wrong = {
        405: [
            "GET /v1/jobs/submit",
            "POST /v1/jobs/unpriced",
            "DELETE /v1/jobs",
            "PUT /v1/models",
            "PUT /v1/jobs/submit",
            "DELETE /tollhouse/v1/me",
            "GET /tollhouse/v1/quote",
        ],
        404: ["POST /v1/jobs/submit/", "POST /V1/jobs/submit", "POST /v1/jobs/submit/cancel", "GET /", "GET /metrics"],
        400: ["POST /v1//jobs/submit", "POST /v1/jobs%2Fsubmit", "POST /v1/./jobs/submit", "POST /v1/jobs/submit;x"],
    }
    codes = {405: "METHOD_NOT_ALLOWED", 404: "NOT_FOUND", 400: "INVALID_INPUT"}
    override = ("X-HTTP-Method-Override: POST", "X-Original-URL: /v1/jobs/submit")
    for status, lines in wrong.items():
        for line in lines:
            # Written as bytes, because a client library would tidy them up.
            sent = post(f"x-api-key: {key.secret}", "X-Request-Id: mine/1", *override, line=f"{line} HTTP/1.1")
            answer = await Server(house.port).ask(sent)
            assert (answer.status, answer.error["code"]) == (status, codes[status]), line
            assert answer.document["requestId"] == answer.headers["x-request-id"] == "mine/1"
            assert answer.headers["tollhouse-error-source"] == "gateway"
            assert ("allow" in answer.headers) == (status == 405)
    await untouched(house)


async def test_a_request_id_is_made_where_the_client_sent_none_that_is_sane(house: House) -> None:
    key = await house.key()
    for sent in ({}, {"X-Request-Id": "two words"}, {"X-Request-Id": "x" * 129}):
        answer = await house.ask(*SUBMIT, key, body={}, headers=sent)
        assert answer.headers["X-Request-Id"].startswith("req_")
        assert answer.document["requestId"] == answer.headers["X-Request-Id"]
