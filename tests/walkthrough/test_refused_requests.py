"""The errors that say what is wrong with a request: path, body, model, input, webhook address."""

import json
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from tests.walkthrough.house import SEED, SLUG, Answer, House, open_house
from tests.walkthrough.policies import allow, quota, team
from tests.walkthrough.refused import JOB, QUOTE, SUBMIT, refused, told, untouched
from tests.web.wire import Server, post, raw


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


@pytest.mark.parametrize("route", [SUBMIT, QUOTE])
async def test_which_model_with_which_input(route: tuple[str, str]) -> None:
    rules = allow(models=["kling/*", "google/*"], cost_per_job="0.70", input={"has_sound": ["false", "true"]})
    film = quota("seconds", 7, "film", models=["kling/*"])
    quiet = team(allow(input={"has_sound": ["false"]}), slug="quiet")
    async with open_house(team(rules, film), quiet) as house:
        key, narrow, silent = await house.key(), await house.key(models=["google/*"]), await house.key("quiet")

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


@pytest.mark.parametrize("route", [SUBMIT, QUOTE])
async def test_what_is_wrong_with_the_body_is_named(house: House, route: tuple[str, str]) -> None:
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
        ({"model": grok, "input": {"resolution": "720p"}}, "duration", ["6", "10"]),
        (b"[]", "body", None),
        (b"", "body", None),
    ]
    for body, field, options in wrong:
        answer = await refused(house, key, route, body=body)
        assert told(answer) == (400, "INVALID_INPUT"), body
        assert answer.details["field"] == field
        if options is not None and field != "duration":
            assert answer.details["options"] == options
        assert field in answer.error["message"].lower() or f'"{field}"' in answer.error["message"]
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


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/jobs/submit", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/v1/jobs/submit", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/tollhouse/v1/me", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/tollhouse/v1/me", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/tollhouse/v1/quote", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/readyz", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/jobs/submit/", 404, "NOT_FOUND"),
        ("POST", "/v1/jobs/submit/x", 404, "NOT_FOUND"),
        ("POST", "/V1/jobs/submit", 404, "NOT_FOUND"),
        ("POST", "/v1/jobs/Submit", 404, "NOT_FOUND"),
        ("POST", "/v1/jobs/unpriced", 404, "NOT_FOUND"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/admin/v1/keys", 404, "NOT_FOUND"),
        ("GET", "/metrics", 404, "NOT_FOUND"),
        ("POST", "/v1//jobs/submit", 400, "INVALID_INPUT"),
        ("POST", "/v1/jobs%2Fsubmit", 400, "INVALID_INPUT"),
    ],
)
async def test_other_paths_and_methods(house: House, method: str, path: str, status: int, code: str) -> None:
    key = await house.key()
    url = URL(house.gateway.data_url + path, encoded=True)
    headers = {"Authorization": f"Bearer {key.secret}", "X-Request-Id": "mine/1", "X-HTTP-Method-Override": "POST"}
    async with house.session.request(method, url, headers=headers) as reply:
        answer = Answer(reply.status, reply.headers, await reply.read())
    assert told(answer) == (status, code)
    assert answer.document["requestId"] == answer.headers["X-Request-Id"] == "mine/1"
    assert answer.headers["Tollhouse-Error-Source"] == "gateway"
    assert ("Allow" in answer.headers) == (status == 405)
    await untouched(house)


async def test_a_request_id_is_made_where_the_client_sent_none_that_is_sane(house: House) -> None:
    key = await house.key()
    for sent in ({}, {"X-Request-Id": "two words"}, {"X-Request-Id": "x" * 129}):
        answer = await house.ask(*SUBMIT, key, body={}, headers=sent)
        assert answer.headers["X-Request-Id"].startswith("req_")
        assert answer.document["requestId"] == answer.headers["X-Request-Id"]
