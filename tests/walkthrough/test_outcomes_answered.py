"""What the upstream can answer to a submit, row by row: what the client gets of it, and what becomes of the hold."""

import gzip
import json

from tests.walkthrough.house import SLUG, open_house
from tests.walkthrough.outcomes import COST, RULES, accepted, bare, envelope, in_doubt, passed_on, story
from tests.walkthrough.policies import budget, team
from tests.walkthrough.stranger import Act, reply, says, says_and_closes, stranger

REFUSALS = {
    400: "INVALID_INPUT",
    401: "INVALID_API_KEY",
    402: "INSUFFICIENT_BALANCE",
    403: "MODEL_ACCESS_DENIED",
    404: "MODEL_NOT_FOUND",
    413: "VALIDATION_ERROR",
    415: "INVALID_CONTENT_TYPE",
    422: "VALIDATION_ERROR",
    429: "CONCURRENT_JOBS_EXCEEDED",
}
HTML = b"<html><body>no</body></html>"


async def test_a_documented_refusal_is_passed_on_and_the_hold_is_void() -> None:
    bodies = [(status, body) for status, code in REFUSALS.items() for body in (envelope(code), bare(code))]
    headers = ("Content-Type: application/json; charset=utf-8", "Retry-After: 17", "X-Internal: secret", "Server: x")
    acts = [says(reply(status, body, *headers)) for status, body in bodies]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        for status, body in bodies:
            answer = await told.submit()
            assert passed_on(answer, status, body)
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
            assert answer.headers["Retry-After"] == "17"
            assert "Tollhouse-Cost-Usd" not in answer.headers
            assert "X-Internal" not in answer.headers
            assert answer.headers.get("Server") != "x"
            await told.ends_as("voided", answer)
        assert len(upstream.requests) == len(bodies)
        assert (await house.metrics())(
            "tollhouse_submissions_total", team="video", model=SLUG, outcome="rejected"
        ) == len(bodies)


async def test_a_4xx_that_is_not_the_providers_own_settles_nothing() -> None:
    """A proxy on the way may say 404 after the job was made; a conflict may be with our own first try."""
    strange = [(status, body) for status in REFUSALS for body in (HTML, b"", b'{"error":"no"}', bare("SOMETHING_NEW"))]
    never = [(status, envelope("INVALID_INPUT")) for status in (405, 408, 409, 410, 418, 425, 451)]
    acts = [says(reply(status, body)) for status, body in strange + never]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        for status, body in strange + never:
            answer = await told.submit()
            assert in_doubt(answer), (status, body)
            assert answer.headers["Tollhouse-Error-Source"] == "gateway"
            await told.ends_as("in_doubt", answer)
        assert len(upstream.requests) == len(acts)


async def test_a_5xx_is_passed_on_and_leaves_doubt() -> None:
    bodies = [
        *((status, body) for status in (500, 503) for body in (envelope("INTERNAL_ERROR"), bare("CONFIG_ERROR"))),
        *((status, HTML) for status in (500, 502, 504, 520, 599)),
        (503, b""),
    ]
    acts = [says(reply(status, body, "Content-Type: text/x", "Retry-After: 1")) for status, body in bodies]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        for status, body in bodies:
            answer = await told.submit()
            assert passed_on(answer, status, body)
            assert answer.headers["x-should-retry"] == "false"
            assert "Retry-After" not in answer.headers
            assert answer.headers["Tollhouse-Cost-Usd"] == "0.700000"
            await told.ends_as("in_doubt", answer)
        assert len(upstream.requests) == len(bodies)


async def test_a_success_that_cannot_be_read_leaves_doubt() -> None:
    whole = accepted("job_1")
    unreadable: dict[str, Act] = {
        "half of the bytes": says_and_closes(reply(200, whole[:20], length=len(whole))),
        "no bytes": says(reply(200, b"")),
        "no content": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "broken JSON": says(reply(200, whole[:-1])),
        "not UTF-8": says(reply(200, b'{"jobId":"\xff"}')),
        "compressed, which we did not ask for": says(reply(200, gzip.compress(whole), "Content-Encoding: gzip")),
        "a list": says(reply(200, b"[" + whole + b"]")),
        "no job id": says(reply(200, b'{"status":"pending","costMicroCents":700000}')),
        "a job id that is a number": says(reply(200, b'{"jobId":7}')),
        "an empty job id": says(reply(200, b'{"jobId":""}')),
        "a job id with a space": says(reply(200, accepted("job 1"))),
        "a job id with a line break": says(reply(200, accepted("job\n1"))),
        "a job id beyond all measure": says(reply(200, accepted("j" * 257))),
        "a wrapped reply without one": says(reply(200, json.dumps({"success": True, "data": {}}).encode())),
        "more than a megabyte": says_and_closes(reply(200, accepted("job_1", padding="x" * 1024**2))),
        "no status line": says_and_closes(b"hello\r\n\r\n"),
        "a broken chunk": says_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "two lengths": says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    }
    async with stranger(*unreadable.values()) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        for why in unreadable:
            answer = await told.submit()
            assert in_doubt(answer), why
            await told.ends_as("in_doubt", answer)
        assert len(upstream.requests) == len(unreadable)


async def test_a_job_id_that_is_another_holds_already_leaves_doubt() -> None:
    acts = [
        says(reply(200, accepted("job_1"))),
        says(reply(200, accepted("job_1"))),
        says(reply(200, accepted("job_2"))),
    ]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        await told.ends_as("captured", await told.submit())
        twin = await told.submit()
        assert in_doubt(twin)
        await told.ends_as("in_doubt", twin)
        await told.ends_as("captured", await told.submit())


async def test_every_documented_success_is_passed_on_and_posted() -> None:
    """Any 2xx, both dialects, wrapped or not, in chunks or whole."""
    quickstart = {"success": True, "data": {"jobId": "job_w", "estimatedCost": COST}, "requestId": "req_2"}
    bodies = {
        200: b'{ "jobId" : "job_a",\n"status":"pending", "costMicroCents": 7e5, "note": "\xe2\x80\x94" }\n',
        201: accepted("job_b"),
        202: json.dumps(quickstart, indent=1).encode(),
    }
    chunked = accepted("job_c")
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (chunked[:9], chunked[9:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
    acts = [*(says(reply(status, body)) for status, body in bodies.items()), says(head, pieces, b"0\r\n\r\n")]
    async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told = await story(house)
        for status, body in [*bodies.items(), (200, chunked)]:
            answer = await told.submit()
            assert passed_on(answer, status, body)
            assert answer.headers["Tollhouse-Cost-Usd"] == "0.700000"
            await told.ends_as("captured", answer)
            assert (await house.hold(answer.hold)).job in body.decode()
        assert upstream.connections == 1


async def test_what_the_upstream_charges_is_what_is_posted() -> None:
    """Dearer or cheaper than held, free, or not said: counts are posted as they were held all the same."""
    named = {
        "dearer": (b"900001", 900_001),
        "cheaper": (b"100", 100),
        "free": (b"0", 0),
        "a fraction": (b"100.25", 101),
        "missing": (None, COST),
        "null": (b"null", COST),
        "negative": (b"-1", COST),
        "text": (b'"700000"', COST),
        "true": (b"true", COST),
        "more than an integer can say": (b"9007199254740992", COST),
        "NaN": (b"NaN", COST),
    }
    replies = [
        reply(200, b'{"jobId":"job_%d"%s}' % (number, b"" if cost is None else b',"costMicroCents":' + cost))
        for number, (cost, _) in enumerate(named.values())
    ]
    async with stranger(*map(says, replies)) as upstream, open_house(RULES, upstream=upstream.url) as house:
        told, spent = await story(house), 0
        for count, (why, (_, posted)) in enumerate(named.items(), start=1):
            answer = await told.submit()
            spent += posted
            accounts = await house.accounts()
            assert accounts["team:video:budget:usd"] == (spent, 0), why
            assert accounts["organization:acme:ample:usd"] == (spent, 0), why
            assert accounts["team:video:jobs:jobs"] == (count, 0)
            assert answer.headers["Tollhouse-Cost-Usd"] == f"{posted / 1e6:.6f}"
        facts = [entry.facts for entry in await house.entries() if entry.kind == "captured"]
        assert [fact.get("overage") for fact in facts] == ["200001", *[None] * (len(named) - 1)]
        assert [fact.get("cost_unknown") for fact in facts] == [None] * 4 + ["true"] * 7


async def test_an_overage_is_posted_beyond_the_ceiling_and_refuses_what_follows() -> None:
    dear = says(reply(200, accepted("job_1", costMicroCents=1_200_000)))
    async with stranger(dear) as upstream, open_house(team(budget("1.00")), upstream=upstream.url) as house:
        key = await house.key()
        answer = await house.submit(key)
        assert answer.headers["Tollhouse-Headroom-Usd"] == "-0.200000"
        assert (await house.accounts())["team:video:budget:usd"] == (1_200_000, 0)
        assert (await house.submit(key)).code == "BUDGET_EXCEEDED"
        metrics = await house.metrics()
        assert metrics("tollhouse_price_drift_usd_total", model=SLUG, direction="above") == 0.85


async def test_a_redirect_is_never_followed() -> None:
    """Followed, it would carry our key and the job to wherever it points."""
    redirects = (300, 301, 302, 303, 304, 307, 308)
    async with stranger(says(reply(200, accepted("job_elsewhere")))) as elsewhere:
        acts = [says(reply(status, b"", f"Location: {elsewhere.url}/v1/jobs/submit")) for status in redirects]
        async with stranger(*acts) as upstream, open_house(RULES, upstream=upstream.url) as house:
            told = await story(house)
            for _ in redirects:
                answer = await told.submit()
                assert in_doubt(answer)
                assert "Location" not in answer.headers
                assert str(elsewhere.port) not in answer.body.decode()
                await told.ends_as("in_doubt", answer)
            assert len(upstream.requests) == len(redirects)
            assert elsewhere.connections == 0
