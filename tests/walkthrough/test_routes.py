"""All seventeen routes: who may, what passes unchanged in both directions, and every documented error among it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from aiohttp import ClientPayloadError, ClientSession

from tests.walkthrough.house import CANARY, Key, open_house, until
from tests.walkthrough.policies import team
from tests.walkthrough.routes import CATALOGUE, CODES, LIST, PASSING, SUBMIT, UPLOAD, Route, visit
from tests.walkthrough.stranger import Act, Stranger, says, says_and_closes, says_and_resets, stranger

ODD = b'{ "a" : 1.50,"b":[ null ], "\\u00e9": "\xc3\xa9" }\n'
KEYED = (SUBMIT, LIST, *PASSING)


@pytest.mark.parametrize("route", [*PASSING, *CATALOGUE], ids=str)
async def test_bytes_status_and_query_pass_unchanged(route: Route) -> None:
    async with visit() as here:
        for status in (200, 201, 404, 503):
            here.provider.says(status, ODD, "Retry-After: 7", "X-Secret: no", "Set-Cookie: a=b")
            answer = await here.ask(route, here.key, "?limit=2&a=%26b&a=c")
            assert (answer.status, answer.body) == (status, ODD)
            assert (answer.headers["Content-Type"], answer.headers["Retry-After"]) == ("application/json", "7")
            assert "X-Secret" not in answer.headers
            assert "Set-Cookie" not in answer.headers
            assert answer.headers.get("Tollhouse-Error-Source") == ("upstream" if status >= 400 else None)
            assert answer.headers["X-Request-Id"].startswith("req_")
            head, body = here.provider.last
            assert head.split("\r\n")[0] == f"{route.method} {route.path}?limit=2&a=%26b&a=c HTTP/1.1"
            assert body == (b"" if route.body is None else json.dumps(route.body).encode())
            assert f"Authorization: Bearer {CANARY}" in head
            assert here.key.secret not in head
            assert f"X-Request-Id: {answer.headers['X-Request-Id']}" in head


@pytest.mark.parametrize("route", [SUBMIT, *PASSING, *CATALOGUE], ids=str)
async def test_every_documented_error_passes_unchanged(route: Route) -> None:
    async with visit() as here:
        for code, status in CODES:
            body = json.dumps(
                {"success": False, "error": {"code": code, "message": "as it is", "details": {"retryAfter": 30}}}
            ).encode()
            here.provider.says(status, body)
            answer = await here.ask(route, here.key)
            assert (answer.status, answer.body) == (status, body), code
            assert answer.headers["Tollhouse-Error-Source"] == "upstream"


@pytest.mark.parametrize("route", KEYED, ids=str)
async def test_both_headers_open_every_route_and_a_scope_is_asked_for(route: Route) -> None:
    scopes = {"submit_job", "check_status", "list_models"}
    async with visit() as here:
        here.provider.says(418, ODD)
        mute = await here.house.key(scopes=sorted(scopes - {route.scope}))
        sole = await here.house.key(scopes=[route.scope])
        for key, refused in ((sole, False), (mute, True)):
            for header in ({"Authorization": f"Bearer {key.secret}"}, {"x-api-key": key.secret}):
                asked = len(here.provider.stranger.requests)
                answer = await here.ask(route, None, headers=header)
                if refused:
                    assert (answer.status, answer.code) == (403, "OPERATION_NOT_ALLOWED")
                    assert answer.details["scope"] == route.scope
                    assert len(here.provider.stranger.requests) == asked
                else:
                    assert answer.status in (200, 418, 504)
        both = {"Authorization": f"Bearer {sole.secret}", "x-api-key": sole.secret}
        assert (await here.ask(route, None, headers=both)).status == 400


@pytest.mark.parametrize("route", [*KEYED, *CATALOGUE], ids=str)
async def test_a_key_that_is_none_opens_nothing(route: Route) -> None:
    async with visit() as here:
        asked = len(here.provider.stranger.requests)
        for secret in ("pb_real", "toll_live_short", CANARY):
            answer = await here.ask(route, Key("", secret))
            assert (answer.status, answer.code) == (401, "INVALID_API_KEY")
        if route.scope is not None:
            assert (await here.ask(route, None)).code == "UNAUTHORIZED"
        assert len(here.provider.stranger.requests) == asked


@pytest.mark.parametrize("route", CATALOGUE, ids=str)
async def test_the_catalogue_is_public_and_who_may_list_models_sees_more(route: Route) -> None:
    async with visit() as here:
        here.provider.says(200, ODD)
        submitter = await here.house.key(scopes=["submit_job"])
        for key, ours in ((None, False), (submitter, False), (here.key, True)):
            answer = await here.ask(route, key)
            assert (answer.status, answer.body) == (200, ODD)
            head, _ = here.provider.last
            assert ("Authorization" in head) is ours
            assert "toll_" not in head


@pytest.mark.parametrize("route", [*PASSING, *CATALOGUE], ids=str)
async def test_the_real_key_is_blotted_out_on_every_route(route: Route) -> None:
    async with visit() as here:
        here.provider.says(200, b'{"echo":"Bearer %b!"}' % CANARY.encode(), f"ETag: {CANARY}")
        answer = await here.ask(route, here.key)
        assert answer.body == b'{"echo":"Bearer [redacted]!"}'
        assert CANARY not in str(answer.headers)


@pytest.mark.parametrize("route", [*PASSING, *CATALOGUE], ids=str)
async def test_an_upstream_that_does_not_answer_is_said_so(route: Route) -> None:
    async with visit() as here:
        here.provider.said[:] = [b"nonsense\r\n\r\n"]
        answer = await here.ask(route, here.key)
        assert (answer.status, answer.code) == (502, "UPSTREAM_UNREACHABLE")
        assert answer.headers["Tollhouse-Error-Source"] == "gateway"


@pytest.mark.parametrize("route", [route for route in (*PASSING, SUBMIT) if route.body is not None], ids=str)
async def test_a_body_is_json_and_not_too_long(route: Route) -> None:
    async with visit(max_body="4KiB") as here:
        asked = len(here.provider.stranger.requests)
        for body, headers, status in (
            (b"{}", {"Content-Type": "text/plain"}, 415),
            (b"{}", {"Content-Encoding": "gzip"}, 415),
            (b"x" * 5000, {}, 413),
        ):
            answer = await here.house.ask(route.method, route.path, here.key, body=body, headers=headers)
            assert answer.status == status
        assert len(here.provider.stranger.requests) == asked


async def test_a_list_of_models_longer_than_any_other_answer_streams_through() -> None:
    long = b"[" + b'"kling/kling-2.6-pro",' * 300_000 + b"0]"
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(long) + long
    async with stranger(says(whole)) as there, open_house(upstream=there.url) as house:
        answer = await house.ask("GET", "/v1/models", await house.key())
        assert (answer.status, answer.body) == (200, long)


@pytest.mark.parametrize("act", [says_and_closes, says_and_resets])
async def test_a_list_that_breaks_off_never_looks_whole(act: Callable[[bytes], Act]) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50
    async with stranger(act(half)) as there, open_house(upstream=there.url) as house:
        with pytest.raises(ClientPayloadError):
            await house.ask("GET", "/v1/models", await house.key())
        # The gateway is as well as before.
        assert (await house.ask("GET", "/v1/jobs", await house.key())).status == 200


async def test_whoever_hangs_up_in_the_middle_harms_nobody() -> None:
    long = b"x" * 20_000_000
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(long) + long
    async with stranger(says(whole)) as there, open_house(upstream=there.url) as house:
        key = await house.key()
        async with ClientSession() as session:
            url = f"{house.gateway.data_url}/v1/models"
            async with session.get(url, headers={"x-api-key": key.secret}) as reply:
                await reply.content.readany()
                reply.close()
        assert (await house.ask("GET", "/v1/models", key)).body == long


async def test_whoever_does_not_take_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """And has no place in the way of others meanwhile."""
    monkeypatch.setattr("gateway.web.passages._SLOWEST_S", 0.3)
    monkeypatch.setattr("gateway.adapters.upstream.client.STREAMS", 1)
    long = b"x" * 40_000_000
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(long) + long
    async with stranger(says(whole)) as there, open_house(upstream=there.url) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1024)
        writer.write(b"GET /v1/catalog/models HTTP/1.1\r\nHost: gateway\r\n\r\n")
        await until(lambda: _asked(there, 1))
        assert (await house.ask("GET", "/v1/jobs", await house.key())).status == 200
        # The one stream is free again, and what the slow one got ends without an end.
        while (answer := await house.ask("GET", "/v1/catalog/providers", None)).status == 503:
            assert answer.code == "OVERLOADED"
        assert answer.body == long
        got = bytearray()
        with suppress(ConnectionError):
            while piece := await reader.read(1_000_000):
                got += piece
        assert not got.endswith(b"0\r\n\r\n")
        assert len(got) < len(long)
        writer.close()


async def _asked(there: Stranger, requests: int) -> bool:
    return len(there.requests) >= requests


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("status=done", "status"),
        ("cursor=x", "cursor"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_list_that_cannot_be_asked_for_says_why(query: str, field: str) -> None:
    async with open_house() as house:
        answer = await house.ask("GET", f"/v1/jobs?{query}", await house.key())
        assert (answer.status, answer.code) == (400, "INVALID_INPUT")
        assert answer.details["field"] == field


async def test_a_list_is_paged_as_documented() -> None:
    async with open_house(team()) as house:
        key = await house.key()
        jobs = [(await house.submit(key)).document["jobId"] for _ in range(5)]
        found, cursor = [], ""
        for size in (2, 2, 1):
            page = (await house.ask("GET", f"/v1/jobs?limit=2{cursor}", key)).document
            assert len(page["jobs"]) == size
            found += [row["jobId"] for row in page["jobs"]]
            assert page["hasMore"] is (page["nextCursor"] is not None)
            cursor = f"&cursor={page['nextCursor']}"
        assert (found, page["hasMore"]) == (jobs[::-1], False)


async def test_an_upload_that_was_never_presigned_here_is_nobodys() -> None:
    async with visit() as here:
        other = await here.house.ask("GET", f"/v1/uploads/{UPLOAD}x", here.key)
        assert (other.status, other.code) == (404, "NOT_FOUND")
