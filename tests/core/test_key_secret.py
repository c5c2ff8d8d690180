"""Keys: made evenly from entropy, recognised without asking anyone, digested under every pepper."""

import hashlib
import hmac
import re
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.core.key_secret import (
    ALPHABET,
    ENTROPY_BYTES,
    Kind,
    Peppers,
    digest,
    digests,
    kind_of,
    mint,
    parse_peppers,
    public_id,
)
from tests.doubles import SeededEntropy

entropies = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES).filter(
    lambda drawn: sum(byte < 248 for byte in drawn) >= 30
)
secrets = st.builds(mint, st.sampled_from(Kind), entropies)
characters = st.sampled_from(ALPHABET) | st.characters()


@given(st.sampled_from(Kind), entropies)
def test_what_is_minted_is_recognised(kind: Kind, entropy: bytes) -> None:
    secret = mint(kind, entropy)

    assert kind_of(secret) is kind
    assert secret.startswith(f"toll_{kind}_")
    assert len(secret) == len(f"toll_{kind}_") + 36


def test_the_form_is_the_documented_one() -> None:
    secret = mint(Kind.LIVE, bytes(range(64)))
    body, checksum = secret[:-6], secret[-6:]

    assert body == "toll_live_0123456789ABCDEFGHIJKLMNOPQRST"
    number = 0
    for character in checksum:
        number = number * 62 + ALPHABET.index(character)
    assert number == zlib.crc32(body.encode())


def test_a_small_checksum_is_padded_with_zeros() -> None:
    entropy = SeededEntropy("padding")
    minted = (mint(Kind.LIVE, entropy.token(ENTROPY_BYTES)) for _ in range(1000))

    # 62^5 is about a fifth of 2^32, so about every fifth checksum begins with a zero.
    padded = [secret for secret in minted if secret[-6] == "0"]
    assert 100 < len(padded) < 400
    assert all(kind_of(secret) is Kind.LIVE for secret in padded)


@given(secrets, st.data())
def test_a_changed_character_is_noticed(secret: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(secret) - 1))
    other = data.draw(characters.filter(lambda character: character != secret[at]))

    assert kind_of(secret[:at] + other + secret[at + 1 :]) is None


@given(secrets, st.data())
def test_a_lost_or_added_character_is_noticed(secret: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(secret) - 1))
    more = data.draw(characters)

    assert kind_of(secret[:at] + secret[at + 1 :]) is None
    assert kind_of(secret[:at] + more + secret[at:]) is None
    assert kind_of(secret + more) is None


@given(secrets, st.data())
def test_two_characters_exchanged_are_noticed(secret: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(secret) - 2))
    assume(secret[at] != secret[at + 1])

    assert kind_of(secret[:at] + secret[at + 1] + secret[at] + secret[at + 2 :]) is None


@given(st.text())
@example("")
@example("toll_live_")
@example("toll_live_" + "0" * 36)
@example("toll_live_" + "٠" * 36)
@example("\udc80" * 46)
@example(mint(Kind.LIVE, bytes(64)) + "\n")
@example(mint(Kind.LIVE, bytes(64)).replace("live", "root"))
@example(mint(Kind.LIVE, bytes(64)).replace("live", "test"))
@example(mint(Kind.LIVE, bytes(64)).upper())
def test_nothing_else_is_recognised(text: str) -> None:
    assert kind_of(text) is None


def test_every_character_comes_equally_often() -> None:
    entropy = SeededEntropy("uniform")
    bodies = [mint(Kind.LIVE, entropy.token(ENTROPY_BYTES))[10:40] for _ in range(2_000)]
    counts = Counter("".join(bodies))

    # Chi-squared with 61 degrees of freedom exceeds 118 once in 100,000. Taking bytes modulo 62 would give about 600.
    expected = 60_000 / 62
    assert set(counts) == set(ALPHABET)
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 118


def test_entropy_that_runs_out_makes_no_weaker_key() -> None:
    with pytest.raises(ValueError, match="too few"):
        mint(Kind.LIVE, bytes([255] * 35 + [0] * 29))
    with pytest.raises(ValueError, match="too few"):
        public_id(bytes(19))


def test_ids_are_public_and_not_secrets() -> None:
    entropy = SeededEntropy()
    ids = {public_id(entropy.token(ENTROPY_BYTES)) for _ in range(100)}

    assert len(ids) == 100
    assert all(one.startswith("key_") and one[4:].isalnum() and kind_of(one) is None for one in ids)


@given(st.text(st.characters(codec="utf-8")), st.integers(1, 200), st.binary(min_size=1, max_size=1))
def test_a_digest_is_hmac_sha_256_whatever_the_length_of_the_pepper(secret: str, size: int, byte: bytes) -> None:
    expected = hmac.digest(size * byte, secret.encode(), hashlib.sha256).hex()
    assert digest(secret, size * byte) == expected
    assert digest(secret, size * byte) == expected


def test_a_key_is_looked_up_under_every_pepper_the_current_one_first() -> None:
    peppers = Peppers(2, {1: b"old", 3: b"next", 2: b"now"})

    assert digests("s", peppers) == (digest("s", b"now"), digest("s", b"next"), digest("s", b"old"))


def test_one_pepper_needs_no_version() -> None:
    assert parse_peppers(" 6e0d9c\n") == Peppers(1, {1: b"6e0d9c"})
    assert parse_peppers("not-a-number:6e0d9c") == Peppers(1, {1: b"not-a-number:6e0d9c"})


def test_of_several_peppers_the_highest_version_is_current() -> None:
    assert parse_peppers("10:new\n9:old\n") == Peppers(10, {9: b"old", 10: b"new"})


@pytest.mark.parametrize("text", ["", " \n", "one two", "1:a 1:b", "1:a b", "0:a 1:b", "1: a 2:b"])
def test_peppers_that_could_be_misread_are_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"^write one pepper") as refused:
        parse_peppers(text)
    assert not text.strip() or text not in str(refused.value)


def test_peppers_do_not_show_in_a_representation() -> None:
    assert "hush" not in repr(parse_peppers("hush"))


def test_an_empty_or_missing_current_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="must be among"):
        Peppers(2, {1: b"a"})
    with pytest.raises(ValueError, match="empty"):
        Peppers(1, {1: b""})


@given(secret=secrets)
def test_the_documented_pattern_finds_every_secret_and_nothing_shorter(secret: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
    patterns = set(re.findall(r"\\btoll_\S+?\\b", text))
    assert len(patterns) == 1
    pattern = re.compile(patterns.pop())
    assert pattern.findall(f'key="{secret}", and so on') == [secret]
    assert pattern.search(secret[:-1]) is None
    assert pattern.search(f"{secret}x") is None
