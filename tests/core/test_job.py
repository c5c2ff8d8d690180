"""The submit body: what is taken for a job, and the bytes that leave for it."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.job import JobRequest, Malformed, SealBroken, Sealed, parse, seal
from gateway.core.money import Rounding
from gateway.core.pricing import PriceBook, Quote
from gateway.core.rate_card import Factor, ModelPrice, RateCard, Unit, option
from tests.core.test_strict_json import OBJECTS, typed

NOW = datetime(2026, 11, 23, tzinfo=UTC)
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
JOBS = st.builds(JobRequest, VISIBLE, st.none() | VISIBLE, OBJECTS, st.none() | VISIBLE)
DIALECTS = st.sampled_from([("model", "version"), ("modelSlug", "modelVersion")])

DURATION = Factor("duration", (option("5", "5"), option("10", "10")), "5")
SOUND = Factor("has_sound", (option("false", "1"), option("true", "2")), False)
CARD = RateCard(
    "2026-02-18",
    datetime(2026, 2, 18, tzinfo=UTC),
    Rounding.HALF_UP,
    {
        "film": ModelPrice("film", 70_000, Unit.SECOND, (DURATION, SOUND), versions=frozenset({"2.6"})),
        "still": ModelPrice("still", 40_000, Unit.IMAGE),
    },
)
PRICES = PriceBook((CARD,))


def body(**fields: object) -> bytes:
    return json.dumps({"model": "film", "input": {}} | fields).encode()


def malformed(raw: bytes) -> Malformed:
    found = parse(raw)
    assert isinstance(found, Malformed), found
    return found


def job(raw: bytes) -> JobRequest:
    found = parse(raw)
    assert isinstance(found, JobRequest), found
    return found


def quoted(wanted: JobRequest) -> Quote:
    quote = PRICES.quote(wanted.model, wanted.version, wanted.input, NOW)
    assert isinstance(quote, Quote), quote
    return quote


def sealed(raw: bytes) -> Sealed:
    wanted = job(raw)
    result = seal(wanted, quoted(wanted), PRICES, NOW)
    assert isinstance(result, Sealed), result
    return result


def written(wanted: JobRequest, dialect: tuple[str, str]) -> bytes:
    fields: dict[str, Any] = {dialect[0]: wanted.model, "input": wanted.input}
    if wanted.version is not None:
        fields[dialect[1]] = wanted.version
    if wanted.webhook_url is not None:
        fields["webhookUrl"] = wanted.webhook_url
    return json.dumps(fields).encode()


@given(JOBS, DIALECTS)
def test_a_job_written_in_either_dialect_is_that_job(wanted: JobRequest, dialect: tuple[str, str]) -> None:
    found = job(written(wanted, dialect))
    assert found == wanted
    assert typed(found.input) == typed(wanted.input)


@given(JOBS, DIALECTS)
def test_what_is_sent_is_what_was_asked(wanted: JobRequest, dialect: tuple[str, str]) -> None:
    """parse -> seal -> parse is the identity, whatever the input holds, when there is nothing to pin."""
    asked = job(written(replace(wanted, model="still", version=None), dialect))
    result = seal(asked, quoted(asked), PRICES, NOW)
    assert isinstance(result, Sealed)
    again = job(result.body)
    assert again == asked
    assert typed(again.input) == typed(asked.input)
    assert sealed(result.body) == result


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    assert isinstance(parse(raw), JobRequest | Malformed)


@given(JOBS, DIALECTS, st.data())
def test_a_damaged_body_is_refused_or_is_what_it_says(
    wanted: JobRequest, dialect: tuple[str, str], data: st.DataObject
) -> None:
    raw = bytearray(written(wanted, dialect))
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 6)))
    raw[start:end] = data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b",", b'"a":1,', b"null", b"{", b"1e1"]))
    found = parse(bytes(raw))
    if isinstance(found, JobRequest):
        lenient = json.loads(bytes(raw))
        assert typed(found.input) == typed(lenient["input"])
        assert found.model == lenient.get("model", lenient.get("modelSlug"))
    else:
        assert found.field
        assert found.message.endswith(".")


@given(OBJECTS)
def test_the_order_of_names_changes_neither_bytes_nor_digest(inputs: dict[str, object]) -> None:
    forwards = sealed(json.dumps({"model": "still", "input": inputs}).encode())
    backwards = sealed(json.dumps({"input": dict(reversed(inputs.items())), "model": "still"}).encode())
    assert backwards == forwards


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"{}", "model"),
        (b'{"input":{}}', "model"),
        (b'{"modelVersion":"1","input":{}}', "modelSlug"),
        (b'{"version":"1","input":{}}', "model"),
        (b'{"model":"film"}', "input"),
        (body(model=None), "model"),
        (body(model=5), "model"),
        (body(model=["film"]), "model"),
        (body(model=""), "model"),
        (body(model="fi lm"), "model"),
        (body(model="film\n"), "model"),
        (body(model="film\u0000"), "model"),
        (body(model="fílm"), "model"),
        (body(model="f" * 201), "model"),
        (body(version=None), "version"),
        (body(version=2), "version"),
        (body(version=2.6), "version"),
        (body(version=True), "version"),
        (body(version=""), "version"),
        (body(version="2 6"), "version"),
        (body(version="2" * 101), "version"),
        (b'{"modelSlug":"film","modelVersion":null,"input":{}}', "modelVersion"),
        (b'{"modelSlug":null,"input":{}}', "modelSlug"),
        (body(input=None), "input"),
        (body(input=[]), "input"),
        (body(input="{}"), "input"),
        (body(webhookUrl=None), "webhookUrl"),
        (body(webhookUrl=5), "webhookUrl"),
        (body(webhookUrl=["https://example.com"]), "webhookUrl"),
        (body(Model="film"), "Model"),
        (body(inputs={}), "inputs"),
        (body(webhook_url="https://example.com"), "webhook_url"),
        (body(priority="high"), "priority"),
        (body(**{"input\u200b": {}}), "input\\u200b"),
        (body(modelSlug="film"), "model"),
        (body(modelVersion="2.6"), "model"),
        (b'{"modelSlug":"film","version":"1","input":{}}', "model"),
        (b'{"model":"film","model":"still","input":{}}', "model"),
        (b'{"model":"film","input":{"duration":"5","\\u0064uration":"10"}}', "duration"),
        (b'{"model":"film","input":{"a":{"b":[{"n":1,"n":2}]}}}', "n"),
        (b'{"model":"film","input":{"seed":NaN}}', "body"),
        (b'{"model":"film","input":{"seed":1e999}}', "body"),
        (b'{"model":"film","input":{"seed":' + b"1" * 5000 + b"}}", "body"),
        (b'{"model":"film","input":{"prompt":"\\ud800"}}', "body"),
        (b'{"model":"film","input":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", "body"),
        (body() + b"x", "body"),
        (body() + body(), "body"),
        (b"\xef\xbb\xbf" + body(), "body"),
        (body().decode().encode("utf-16"), "body"),
        (b"[" + body() + b"]", "body"),
        (b"model=film&input=%7B%7D", "body"),
    ],
)
def test_refused_naming_the_field(raw: bytes, field: str) -> None:
    found = malformed(raw)
    assert found.field == field
    assert field == "body" or f'"{field}"' in found.message


def test_a_field_name_from_outside_is_cut_short() -> None:
    assert len(malformed(body(**{"x" * 100_000: 1})).message) < 200


def test_the_seed_request_leaves_with_every_priced_default_written_out() -> None:
    result = sealed(b'{"model":"film","input":{"prompt":"A dog"}}')
    assert result.body == b'{"input":{"duration":"5","has_sound":false,"prompt":"A dog"},"model":"film"}'
    assert result.input == {"prompt": "A dog", "duration": "5", "has_sound": False}
    assert result.digest == hashlib.sha256(result.body).hexdigest()


def test_everything_given_leaves_in_the_first_dialect() -> None:
    result = sealed(
        b'{"modelSlug":"film","modelVersion":"2.6","webhookUrl":"https://example.com/h",'
        b'"input":{"duration":10,"has_sound":"true"}}'
    )
    assert result.body == (
        b'{"input":{"duration":10,"has_sound":"true"},"model":"film","version":"2.6","webhookUrl":"https://example.com/h"}'
    )


@pytest.mark.parametrize(
    "inputs",
    [
        '{"cfg":5,"duration":"5","has_sound":true}',
        '{"cfg":"5","duration":"5","has_sound":true}',
        '{"cfg":5.0,"duration":5,"has_sound":"true"}',
        '{"cfg":123456789012345678901234567890,"duration":5,"has_sound":"true"}',
        '{"cfg":[1,1.5,true,null,{"a":"\\u0000\\"\\\\"}],"duration":5,"has_sound":"true"}',
        '{"cfg":"日本語 😀","duration":5,"has_sound":"true"}',
    ],
)
def test_values_leave_byte_for_byte_as_they_came(inputs: str) -> None:
    assert (
        sealed(f'{{"model":"film","input":{inputs}}}'.encode()).body == f'{{"input":{inputs},"model":"film"}}'.encode()
    )


def test_a_quote_for_something_else_breaks_the_seal() -> None:
    cheap, dear = job(body(input={"duration": "5"})), job(body(input={"duration": "10"}))
    assert seal(dear, quoted(cheap), PRICES, NOW) == SealBroken("the body to send has another price than was quoted")


def test_a_price_that_changes_in_between_breaks_the_seal() -> None:
    wanted = job(body())
    dearer = PriceBook((replace(CARD, models={"film": replace(CARD.models["film"], base=80_000)}),))
    assert seal(wanted, quoted(wanted), dearer, NOW) == SealBroken("the body to send has another price than was quoted")
    assert seal(wanted, quoted(wanted), PriceBook(()), NOW) == SealBroken("the body to send has no price")


def test_a_default_that_is_not_pinned_breaks_the_seal() -> None:
    wanted = job(body())
    loose = replace(quoted(wanted), pinned={"duration": "5"})
    assert seal(wanted, loose, PRICES, NOW) == SealBroken("the body to send leaves out a priced field")


def test_a_pin_never_overrides_what_the_client_gave() -> None:
    wanted = job(body(input={"duration": "10", "has_sound": "false"}))
    meddled = replace(quoted(wanted), pinned={"duration": "10"})
    assert isinstance(seal(wanted, meddled, PRICES, NOW), SealBroken)


def test_an_input_that_json_cannot_hold_breaks_the_seal() -> None:
    wanted = JobRequest("still", None, {"sizes": (1, 2)}, None)
    assert seal(wanted, quoted(wanted), PRICES, NOW) == SealBroken("the body to send does not read as what was priced")


RELAY = "https://toll.example.com/tollhouse/v1/hooks/1-live-4f"


@given(st.none() | st.just("https://client.example/hook"))
def test_with_a_relay_the_upstream_is_told_ours_and_the_digest_is_of_the_client_s(url: str | None) -> None:
    asked = job(body(**({} if url is None else {"webhookUrl": url})))
    plain, relayed = (seal(asked, quoted(asked), PRICES, NOW, relay) for relay in (None, RELAY))
    assert isinstance(plain, Sealed)
    assert isinstance(relayed, Sealed)
    assert relayed.digest == plain.digest
    assert relayed.input == plain.input
    assert json.loads(relayed.body) == {**json.loads(plain.body), "webhookUrl": RELAY}
