"""What was written is read, and nothing else ever is."""

import re
from datetime import UTC, datetime
from typing import Any

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.spool import lines
from gateway.adapters.spool.lines import Flaw, Opened, Sent, Settled, decode
from gateway.core.acceptance import Acceptance, Witness
from gateway.core.hold_record import encode_hold
from tests.adapters.spool.spools import acceptance, hold
from tests.doubles import NOON

# Everything that JSON can hold and a store can take: no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
WITNESSES = st.none() | st.builds(Witness, TEXT, st.integers(0, 2**53), TEXT)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def accept(hold_id: str, model: str, **others: Any) -> Acceptance:
    return acceptance(hold_id, record=encode_hold(hold(hold_id, model=model)), **others)


SENT = st.builds(Sent, TEXT)
SETTLED = st.builds(Settled, st.lists(TEXT).map(tuple), st.lists(TEXT).map(tuple))
OPENED = st.builds(
    Opened, TEXT, st.integers(1, 99), st.none() | TEXT, TEXT, INSTANTS, WITNESSES, st.lists(st.integers()).map(tuple)
)
ACCEPTED = st.builds(
    accept,
    TEXT,
    TEXT,
    job=TEXT,
    cost=st.integers(0, 2**60),
    facts=st.dictionaries(TEXT, TEXT, max_size=3),
    answered_at=INSTANTS,
    witness=WITNESSES,
)
LINES = st.lists(SENT | SETTLED | OPENED | ACCEPTED, max_size=6)


def encode(line: lines.Line) -> bytes:
    match line:
        case Sent(hold_id):
            return lines.encode_sent(hold_id)
        case Settled():
            return lines.encode_settled(line)
        case Opened():
            return lines.encode_opened(line)
        case Acceptance():
            return lines.encode_accepted(line)


def sealed(text: bytes) -> bytes:
    return b"%08x %s\n" % (google_crc32c.value(text), text)


def test_the_checksum_is_crc_32c_and_made_by_the_library_in_c() -> None:
    # The check value of the CRC catalogue for CRC-32/ISCSI.
    assert google_crc32c.value(b"123456789") == 0xE3069283
    assert google_crc32c.implementation == "c"


@given(LINES)
def test_what_was_written_is_read(written: list[lines.Line]) -> None:
    data = b"".join(map(encode, written))
    assert list(decode(data)) == written
    assert data.count(b"\n") == len(written)
    assert all(re.fullmatch(rb"[0-9a-f]{8} \{.*\}", line) for line in data.split(b"\n")[:-1])


@given(LINES, st.data())
def test_of_a_file_that_was_cut_off_all_is_read_before_the_cut(written: list[lines.Line], data: st.DataObject) -> None:
    texts = [encode(line) for line in written]
    whole = b"".join(texts)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [sum(map(len, texts[: n + 1])) for n in range(len(texts))]

    found = list(decode(whole[:cut]))

    # A line without its line break is whole all the same.
    before = [line for line, end in zip(written, ends, strict=True) if end <= cut + 1]
    inside = cut not in {0, *ends, *(end - 1 for end in ends)}
    assert found == before + [Flaw.TORN] * inside


@given(LINES.filter(bool), st.data())
def test_a_damaged_byte_costs_the_lines_it_is_in_and_invents_none(
    written: list[lines.Line], data: st.DataObject
) -> None:
    texts = [encode(line) for line in written]
    damaged = bytearray(b"".join(texts))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))

    found = [line for line in decode(bytes(damaged)) if not isinstance(line, Flaw)]

    hit = next(n for n in range(len(texts)) if place < sum(map(len, texts[: n + 1])))
    # A line break that is gone takes the next line along.
    neighbour = 1 if place == sum(map(len, texts[: hit + 1])) - 1 else 0
    assert found == written[:hit] + written[hit + 1 + neighbour :]
    assert Flaw.DAMAGED in decode(bytes(damaged))


@pytest.mark.parametrize("becomes", [b"\n", b"x", b"\0"])
def test_wherever_the_damage_is_it_is_told_from_a_torn_end(becomes: bytes) -> None:
    data = lines.encode_sent("h1") + lines.encode_sent("h2")
    for place in range(len(data)):
        if data[place : place + 1] != becomes:
            found = list(decode(data[:place] + becomes + data[place + 1 :]))
            assert Flaw.DAMAGED in found
            assert {line for line in found if isinstance(line, Sent)} < {Sent("h1"), Sent("h2")}


@given(st.binary(max_size=200))
def test_no_bytes_whatever_fail_to_read(data: bytes) -> None:
    assert all(line in set(Flaw) for line in decode(data))


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b"7",
        b"not JSON",
        b'{"kind":"of tomorrow"}',
        b'{"kind":"sent"}',
        b'{"kind":"sent","hold":"h1","version":2}',
        b'{"kind":"opened","version":2}',
        b'{"kind":"accepted","version":1,"hold":{"id":"h1"}}',
    ],
)
def test_a_sound_line_of_another_version_is_not_guessed_at(text: bytes) -> None:
    assert list(decode(sealed(text) + lines.encode_sent("h1"))) == [Flaw.DAMAGED, Sent("h1")]


def test_what_an_acceptance_says_is_all_that_its_capture_needs() -> None:
    (read,) = decode(lines.encode_accepted(acceptance("h1", facts={"overage": "7"}, cost=350_007)))
    assert isinstance(read, Acceptance)
    assert read.hold == hold("h1")
    assert (read.job, read.cost, read.facts, read.answered_at) == ("job of h1", 350_007, {"overage": "7"}, NOON)
