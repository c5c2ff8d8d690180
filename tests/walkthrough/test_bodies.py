"""Bodies through real sockets to a running gateway: what arrives upstream is what was priced, or nothing arrives."""

import gzip
import json
from collections.abc import AsyncIterator

import pytest

from tests.walkthrough.house import SLUG, House, Key, open_house
from tests.walkthrough.policies import team
from tests.walkthrough.refused import untouched
from tests.web.wire import NEXT, Answer, Server, chunked, post, raw

MODEL = f'"model":"{SLUG}"'
MIB = 1024**2


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house(body_timeout="300ms") as opened:
        yield opened


def body(inputs: str, *more: str) -> bytes:
    """A submit written by hand: the text of `input`, and of other top-level fields."""
    return ("{" + ",".join([MODEL, f'"input":{inputs}', *more]) + "}").encode("utf-8", "surrogatepass")


async def send(house: House, key: Key, whole: bytes, *headers: str) -> Answer:
    return await Server(house.port).ask(post(f"x-api-key: {key.secret}", *headers, body=whole))


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


INPUTS_REFUSED = {
    "a priced field twice": '{"duration":"5","duration":"10"}',
    "twice, once escaped": '{"duration":"5","\\u0064uration":"10"}',
    "an unpriced field twice": '{"prompt":"a","prompt":"b"}',
    "a field of a field twice": '{"camera":{"x":1,"x":2}}',
    "a field twice within lists": '{"a":[[{"b":1,"\\u0062":1}]]}',
    "in capitals": '{"DURATION":"10"}',
    "in title case": '{"Duration":"10"}',
    "with a long s": '{"ha\u017f_sound":"true"}',
    "in full width": '{"\uff44uration":"10"}',
    "with a soft hyphen": '{"dura\u00adtion":"10"}',
    "with a zero-width space": '{"duration\u200b":"10"}',
    "with a space": '{"duration ":"10"}',
    "in another case style": '{"hasSound":"true"}',
    "priced on other models": '{"resolution":"4k"}',
    "NaN": '{"cfg":NaN}',
    "Infinity": '{"cfg":-Infinity}',
    "a number beyond doubles": '{"cfg":1e999}',
    "an exponent": '{"duration":1e1}',
    "a fraction": '{"duration":5.0}',
    "a fraction that is not quite it": '{"duration":5.00000000000000000001}',
    "a leading zero in a string": '{"duration":"05"}',
    "a leading zero": '{"duration":05}',
    "a space in a string": '{"duration":" 5"}',
    "an underscore": '{"duration":"1_0"}',
    "another script's digit": '{"duration":"\u0665"}',
    "a sign": '{"duration":"+5"}',
    "negative": '{"duration":-5}',
    "capitals for a boolean": '{"has_sound":"TRUE"}',
    "a number for a boolean": '{"has_sound":1}',
    "a boolean for a number": '{"duration":true}',
    "null": '{"duration":null}',
    "a list": '{"duration":["5"]}',
    "an object": '{"duration":{"value":5}}',
    "an empty string": '{"duration":""}',
    "no such option": '{"duration":"6"}',
    "a lone surrogate in a value": '{"prompt":"\\ud83d"}',
    "a lone surrogate in a name": '{"\\udc00":1}',
    "surrogates the wrong way round": '{"prompt":"\\udc00\\ud800"}',
    "depth 10,000": deep(10_000),
    "lists, deeper than any stack": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
}

BODIES_REFUSED = {
    "nothing": b"",
    "white space": b" \n",
    "a list": b"[" + body("{}") + b"]",
    "a string": b'"model"',
    "trailing garbage": body("{}") + b"x",
    "a second object": body("{}") + body("{}"),
    "a trailing NUL": body("{}") + b"\0",
    "a comment": body("{}") + b"// duration",
    "single quotes": body("{}").replace(b'"', b"'"),
    "a trailing comma": body("{}")[:-1] + b",}",
    "half of it": body("{}")[:-3],
    "a byte order mark": b"\xef\xbb\xbf" + body("{}"),
    "UTF-16": body("{}").decode().encode("utf-16"),
    "UTF-16 without a mark": body("{}").decode().encode("utf-16-le"),
    "UTF-32": body("{}").decode().encode("utf-32"),
    "Latin-1": body('{"prompt":"caf\u00e9"}').decode().encode("latin-1"),
    "an overlong encoding": body('{"prompt":"XX"}').replace(b"XX", b"\xc0\xaf"),
    "a surrogate in UTF-8": body('{"prompt":"\ud800"}'),
    "a control character": body('{"prompt":"a\nb"}'),
    "compressed all the same": gzip.compress(body("{}")),
    "both dialects": body("{}", f'"modelSlug":"{SLUG}"'),
    "both dialects, in parts": body("{}", '"modelVersion":"v1"'),
    "the model twice": body("{}", MODEL),
    "the model twice, once escaped": body("{}", f'"\\u006dodel":"{SLUG}"'),
    "the input twice": body("{}", '"input":{"duration":"10"}'),
    "an unknown field": body("{}", '"duration":"10"'),
    "the model in capitals": body("{}", f'"Model":"{SLUG}"'),
    "a version that is null": body("{}", '"version":null'),
    "a form": b"model=" + SLUG.encode(),
}


async def test_what_could_be_read_in_two_ways_is_refused(house: House) -> None:
    key = await house.key()
    refused = {**{why: body(inputs) for why, inputs in INPUTS_REFUSED.items()}, **BODIES_REFUSED}
    for why, whole in refused.items():
        answer = await send(house, key, whole)
        assert (answer.status, answer.error["code"]) == (400, "INVALID_INPUT"), why
        assert answer.error["details"]["field"], why
        assert answer.document["requestId"] == answer.headers["x-request-id"]
    await untouched(house)


async def test_what_is_not_plain_json_is_refused_before_it_is_read(house: House) -> None:
    key = await house.key()
    kinds = ("text/plain", "application/jsonp", "application/json; charset=utf-16", "multipart/form-data", "")
    good = body("{}")
    for kind in kinds:
        lines = ("Host: gateway", f"x-api-key: {key.secret}", f"Content-Length: {len(good)}", f"Content-Type: {kind}")
        answer = await Server(house.port).ask(raw("POST /v1/jobs/submit HTTP/1.1", *lines, body=good))
        assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), kind
    for coding in ("gzip", "deflate", "br", "zstd", "x-gzip", "identity, gzip"):
        answer = await send(house, key, gzip.compress(good), f"Content-Encoding: {coding}")
        assert (answer.status, answer.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), coding
    await untouched(house)


async def test_a_megabyte_is_read_and_one_byte_more_is_not(house: House) -> None:
    key = await house.key()
    whole = body("{}" + " " * (MIB - len(body("{}"))))
    assert len(whole) == MIB
    larger = whole + b" "
    in_chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(larger), larger)
    for sent in (
        post(f"x-api-key: {key.secret}", body=larger),
        chunked(f"x-api-key: {key.secret}", "Transfer-Encoding: chunked", body=in_chunks),
    ):
        answer = await Server(house.port).ask(sent)
        assert (answer.status, answer.error["code"]) == (413, "BODY_TOO_LARGE")
    await untouched(house)

    assert (await send(house, key, whole)).status == 200
    assert json.loads(house.sandbox.record.submits[0].body)["model"] == SLUG


async def test_a_body_that_drips(house: House) -> None:
    key, whole = await house.key(), body("{}")
    async with Server(house.port).wire() as wire:
        await wire.send(post(f"x-api-key: {key.secret}", body=whole)[:-1])
        answer = await wire.answer()
    assert (answer.status, answer.error["code"]) == (408, "INVALID_INPUT")
    await untouched(house)


VERSIONED = """
schema = 1
effective_from = 2026-03-01T00:00:00Z
rounding = "half_up"
[[model]]
slug = "kling/kling-2.6-pro/text-to-video"
base = 70_000
unit = "second"
versions = ["v1"]
meters = { seconds = "duration" }
factors = [
  { field = "duration", default = "5", multipliers = { "5" = "5", "10" = "10" } },
  { field = "has_sound", default = "false", multipliers = { "false" = "1", "true" = "2" } },
]
"""


async def test_both_dialects_are_forwarded_as_one() -> None:
    async with open_house({"prices/2026-03-01.toml": VERSIONED}, team()) as house:
        key = await house.key()
        for model, version in (("model", "version"), ("modelSlug", "modelVersion")):
            given = {model: SLUG, version: "v1", "input": {"duration": 10}}
            assert (await send(house, key, json.dumps(given).encode())).status == 200
            assert json.loads(house.sandbox.record.submits[-1].body) == {
                "model": SLUG,
                "version": "v1",
                "input": {"duration": 10, "has_sound": "false"},
            }
            other = json.dumps({**given, version: "latest"}).encode()
            assert (await send(house, key, other)).error["code"] == "PRICE_UNKNOWN"
        assert house.upstream_calls == 2


async def test_the_same_job_in_every_form_it_may_have(house: House) -> None:
    """Whatever the spelling, the values and their types arrive as they were sent, and cost what they cost."""
    key = await house.key()
    forms = {
        '{"duration":"10","has_sound":"true"}': ({"duration": "10", "has_sound": "true"}, 1_400_000),
        '{"duration":10,"has_sound":true}': ({"duration": 10, "has_sound": True}, 1_400_000),
        '{"\\u0064uration":"1\\u0030"}': ({"duration": "10", "has_sound": "false"}, 700_000),
        ' {\n "has_sound" : false\t} ': ({"duration": "5", "has_sound": False}, 350_000),
        '{"prompt":"\\ud83d\\ude00 caf\u00e9 \\u2028"}': ({"prompt": "\U0001f600 café \u2028"}, 350_000),
        '{"cfg":1e1,"seed":12345678901234567890,"x":5.0}': (
            {"cfg": 10.0, "seed": 12345678901234567890, "x": 5.0},
            350_000,
        ),
        '{"camera":{"b":[1,null,{"a":""}]},"z":null}': ({"camera": {"b": [1, None, {"a": ""}]}, "z": None}, 350_000),
    }
    spent = 0
    for text, (expected, cost) in forms.items():
        answer = await send(house, key, body(text))
        assert (answer.status, answer.document["costMicroCents"]) == (200, cost)
        sent = json.loads(house.sandbox.record.submits[-1].body)
        pinned = {"duration": "5", "has_sound": "false"}
        assert sent == {"model": SLUG, "input": {**pinned, **expected}}
        assert json.dumps(sent["input"], sort_keys=True) == json.dumps({**pinned, **expected}, sort_keys=True)
        spent += cost
    assert house.sandbox.account.spent == spent
    assert (await house.accounts())["organization:acme:ample:usd"] == (spent, 0)


async def test_a_body_in_chunks_and_one_that_waits_to_be_asked_for(house: House) -> None:
    key, whole = await house.key(), body('{"duration":"10"}')
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (whole[:7], whole[7:8], whole[8:])) + b"0\r\n\r\n"
    async with Server(house.port).wire() as wire:
        answer = await wire.ask(chunked(f"x-api-key: {key.secret}", "Transfer-Encoding: chunked", body=pieces))
        assert answer.status == 200
        assert (await wire.ask(NEXT)).status == 200
    async with Server(house.port).wire() as wire:
        head = post(f"x-api-key: {key.secret}", "Expect: 100-continue", body=whole)[: -len(whole)]
        await wire.send(head)
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await wire.ask(whole)).status == 200
        assert (await wire.ask(NEXT)).status == 200
    assert [json.loads(each.body)["input"]["duration"] for each in house.sandbox.record.submits] == ["10", "10"]
    assert house.sandbox.account.spent == 1_400_000


async def test_nobody_is_asked_for_a_body_that_is_not_wanted(house: House) -> None:
    key, whole = await house.key(), body("{}")
    for headers, status in (
        (("x-api-key: toll_live_x",), 401),
        ((f"x-api-key: {key.secret}", "Content-Encoding: br"), 415),
    ):
        async with Server(house.port).wire() as wire:
            await wire.send(post(*headers, "Expect: 100-continue", body=whole)[: -len(whole)])
            assert (await wire.answer()).status == status
    await untouched(house)
