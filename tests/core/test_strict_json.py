"""Strict JSON: what is accepted has one reading, and everything else is refused in a sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.field_name import shown
from gateway.core.strict_json import MAX_DEPTH, Unreadable, read_object, write_object

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=6)


def typed(value: Any) -> Any:
    """A value in which 1, 1.0 and true differ, as they do in JSON."""
    if isinstance(value, dict):
        return {name: typed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [typed(one) for one in value]
    return type(value).__name__, repr(value)


def refusal(raw: bytes) -> str:
    found = read_object(raw)
    assert isinstance(found, Unreadable), found
    return found.message


def nested(depth: int, *, opening: str = "[", closing: str = "]") -> bytes:
    """An object whose one value makes it `depth` levels deep in all."""
    return ('{"a":' + opening * (depth - 1) + closing * (depth - 1) + "}").encode()


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_what_is_written_any_way_is_read_back_in_its_types(
    document: dict[str, Any], ascii_only: bool, indent: int | str | None
) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    found = read_object(raw)
    assert typed(found) == typed(document)
    assert isinstance(found, dict)
    assert typed(read_object(write_object(found))) == typed(document)


@given(OBJECTS)
def test_writing_is_canonical(document: dict[str, Any]) -> None:
    backwards = dict(reversed(document.items()))
    assert write_object(backwards) == write_object(document)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    found = read_object(raw)
    assert isinstance(found, dict | Unreadable)


@given(OBJECTS, st.data())
def test_a_damaged_document_is_refused_or_reads_as_everybody_else_reads_it(
    document: dict[str, Any], data: st.DataObject
) -> None:
    raw = bytearray(json.dumps(document, ensure_ascii=False).encode())
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 4)))
    raw[start:end] = data.draw(
        st.binary(max_size=3) | st.sampled_from([b"NaN", b'"', b"{", b"]", b"1e999", b"\\ud800"])
    )
    found = read_object(bytes(raw))
    if isinstance(found, dict):
        assert typed(found) == typed(json.loads(raw.decode()))


@given(OBJECTS, st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]))
def test_no_other_encoding_and_no_byte_order_mark(document: dict[str, Any], encoding: str) -> None:
    refusal(json.dumps(document).encode(encoding))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not one JSON object"),
        (b" ", "not one JSON object"),
        (b"[{}]", "not one JSON object"),
        (b"null", "not one JSON object"),
        (b'"{}"', "not one JSON object"),
        (b"{} {}", "Extra data"),
        (b"{}\n{}", "Extra data"),
        (b"{}x", "Extra data"),
        (b"{}\x00", "Extra data"),
        (b"\xc2\xa0{}", "not one JSON object"),
        (b'{"a":1,}', "not one JSON object"),
        (b"{'a':1}", "not one JSON object"),
        (b'{"a":1}//', "Extra data"),
        (b'{"a":01}', "not one JSON object"),
        (b'{"a":+1}', "not one JSON object"),
        (b'{"a":.5}', "not one JSON object"),
        (b'{"a":0x5}', "not one JSON object"),
        (b'{"a":1_0}', "not one JSON object"),
        ('{"a":５}'.encode(), "not one JSON object"),
        (b'{"a":"\t"}', "Invalid control character"),
        (b'{"a":"\\x41"}', "escape"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":Infinity}', "Infinity"),
        (b'{"a":-Infinity}', "-Infinity"),
        (b'{"a":1e999}', "too large"),
        (b'{"a":-1e999}', "too large"),
        (b'{"a":' + b"9" * 309 + b"}", "more than 308 digits"),
        (b'{"a":' + b"9" * 5000 + b"}", "more than 308 digits"),
        (b'{"a":"\xff"}', "not valid UTF-8"),
        (b'{"a":"\xc0\xaf"}', "not valid UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not valid UTF-8"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\udc00\\ud800"}', "surrogate"),
        (b'{"\\uDFFF":1}', "surrogate"),
        (b'{"a":{"b":["\\ud83dx"]}}', "surrogate"),
    ],
)
def test_refused_with_a_reason(raw: bytes, says: str) -> None:
    assert says in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b'{"x":[{"y":{"a":null,"a":null}}]}',
    ],
)
def test_a_name_given_twice_is_refused_and_named(raw: bytes) -> None:
    assert read_object(raw) == Unreadable("a", 'The body gives "a" twice.')


def test_one_repeated_name_among_very_many_is_found_at_once() -> None:
    names = [*(f'"{number}":0' for number in range(100_000)), '"99999":0']
    assert '"99999" twice' in refusal(("{" + ",".join(names) + "}").encode())


def test_a_paired_surrogate_escape_is_a_character() -> None:
    assert read_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "😀"}
    assert read_object(b'{"a":"\\\\ud800"}') == {"a": "\\ud800"}


def test_numbers_keep_their_type_and_their_digits() -> None:
    found = read_object(b'{"int":5,"text":"5","float":5.0,"exponent":1e1,"big":123456789012345678901234567890}')
    assert typed(found) == typed(
        {"int": 5, "text": "5", "float": 5.0, "exponent": 10.0, "big": 123456789012345678901234567890}
    )


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_depth_is_bounded_exactly(opening: str, closing: str) -> None:
    per_step = opening.count("[") + opening.count("{")
    steps = (MAX_DEPTH - 1) // per_step
    body = '{"a":' + opening * steps + "0" + closing * steps + "}"
    assert isinstance(read_object(body.encode()), dict)
    deeper = '{"a":' + opening * (steps + 1) + "0" + closing * (steps + 1) + "}"
    assert "32 deep" in refusal(deeper.encode())


@pytest.mark.parametrize("raw", [nested(10_000), nested(100_000), b"[" * 10_000, b'{"a":' * 10_000, b"[{" * 10_000])
def test_a_very_deep_body_is_refused_cleanly(raw: bytes) -> None:
    assert "32 deep" in refusal(raw)


def test_brackets_in_strings_and_side_by_side_are_not_depth() -> None:
    assert read_object(('{"a":"' + "[" * 1000 + '"}').encode()) == {"a": "[" * 1000}
    assert read_object(('{"a":"\\"' + "{" * 1000 + '"}').encode()) == {"a": '"' + "{" * 1000}
    assert read_object(b'{"a":[' + b"[]," * 999 + b"[]]}") == {"a": [[]] * 1000}


@pytest.mark.parametrize("filler", [b'"', b'\\"', b"\\", b'"[', b"[]", b'["', b"{}"])
def test_no_megabyte_of_anything_takes_long(filler: bytes) -> None:
    """Quadratic work would take minutes here, and the whole suite with it."""
    refusal(b"[" * 33 + filler * (2**20 // len(filler)))


def test_shown_names_are_short_and_printable() -> None:
    assert shown("duration") == "duration"
    assert shown("dur\u200bation\n") == "dur\\u200bation\\n"
    assert len(shown("x" * 10_000)) == 64
