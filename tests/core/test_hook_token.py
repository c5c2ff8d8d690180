"""Tokens of hooks: they name a hold, and only we can make one."""

import re
import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.current import Current
from gateway.core.hook_token import Named, Relay, public_url_fault, read_token, token
from gateway.core.key_secret import Peppers

PEPPERS = Peppers(2, {1: b"old pepper", 2: b"pepper"})
HOLDS = st.builds("hold_{:032x}".format, st.integers(0, 2**128 - 1))
NAMED = st.builds(Named, HOLDS, st.booleans())
ONE = Named("hold_" + "4f" * 16, test=False)


@given(NAMED)
def test_a_token_names_its_hold_and_fits_into_a_path(named: Named) -> None:
    made = token(named, PEPPERS)
    assert read_token(made, PEPPERS) == named
    assert re.fullmatch(r"[0-9a-z-]{1,120}", made)


@given(NAMED, NAMED)
def test_no_part_of_one_token_makes_another(named: Named, other: Named) -> None:
    said, _, mac = token(named, PEPPERS).rpartition("-")
    another = token(other, PEPPERS).rpartition("-")[2]
    assert (read_token(f"{said}-{another}", PEPPERS) is None) == (mac != another)


@given(st.integers(0, 107), st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_one_other_character_and_it_names_nothing(place: int, character: str) -> None:
    made = token(ONE, PEPPERS)
    changed = made[:place] + character + made[place + 1 :]
    assert (read_token(changed, PEPPERS) == ONE) == (changed == made)


@given(st.text(max_size=130))
def test_no_text_names_anything_by_chance(text: str) -> None:
    assert read_token(text, PEPPERS) is None


@pytest.mark.parametrize("spelling", ["0{}", "{}\n", " {}", "{}%00", "{}/", "\u0662{}"])
def test_a_token_has_one_spelling(spelling: str) -> None:
    made = token(ONE, PEPPERS)
    assert read_token(spelling.format(made), PEPPERS) is None
    assert read_token(made.upper(), PEPPERS) is None


def test_a_token_lives_as_long_as_its_pepper() -> None:
    made = token(ONE, Peppers(1, {1: b"old pepper"}))
    assert read_token(made, PEPPERS) == ONE
    assert read_token(made, Peppers(2, {2: b"pepper"})) is None
    assert read_token(made, Peppers(1, {1: b"pepper"})) is None


@pytest.mark.parametrize("url", ["https://toll.example.com", "https://toll.example.com/", "http://127.0.0.1:8080"])
def test_the_upstream_is_told_an_address_below_the_public_url(url: str) -> None:
    address = urlsplit(Relay(url, Current(PEPPERS)).address(ONE.hold, test=True))
    assert f"{address.scheme}://{address.netloc}" == url.rstrip("/")
    path, _, made = address.path.rpartition("/")
    assert (path, read_token(made, PEPPERS)) == ("/tollhouse/v1/hooks", Named(ONE.hold, test=True))


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:8443/below/it/", "http://localhost:1", "http://[::1]:8080"]
)
def test_public_urls(url: str) -> None:
    assert public_url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "a.example", "https://", "https://a.example?x", "https://a.example/?", "https://a.example/#x", "ftp://a.example",
        "https://me:pass@a.example", "https://@a.example", "https://a.example/ö", "https://a.example/x y",
        "https://a.example:99999", "https://[::1", "http://a.example", "http://10.0.0.1",
        "https://a.example/" + "x" * 500,
    ],
)  # fmt: skip
def test_what_is_no_public_url(url: str) -> None:
    assert public_url_fault(url) is not None
