"""Signatures of webhooks: whoever lacks the secret, or says something else, or says it later, is not believed."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.webhook_signature import SIGNATURE, TIMESTAMP, signed, verified
from gateway.sandbox.webhooks import signed as signed_by_the_provider

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "whsec_of_the_provider"
TEXT = st.text(max_size=40)


def believed(body: bytes, headers: dict[str, str], secret: str = SECRET, now: datetime = NOW) -> bool:
    return verified(body, headers[TIMESTAMP], headers[SIGNATURE], secret, now)


@given(st.binary(max_size=200), st.integers(-300, 300))
def test_what_was_signed_with_the_secret_is_believed_for_five_minutes(body: bytes, seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert believed(body, signed(body, at, SECRET))
    assert believed(body, signed_by_the_provider(body, int(at.timestamp()), SECRET))


def test_it_is_the_documented_scheme() -> None:
    body = b'{"jobId": "job_1"}'
    digest = hmac.new(b"s3cret", b"1795435200." + body, hashlib.sha256).hexdigest()
    assert signed(body, datetime.fromtimestamp(1795435200.9, UTC), "s3cret") == {
        "X-PixelByte-Timestamp": "1795435200",
        "X-PixelByte-Signature": f"sha256={digest}",
    }


@given(st.binary(max_size=100), st.integers(301, 10**9), st.booleans())
def test_what_is_late_or_from_the_future_is_not(body: bytes, seconds: int, past: bool) -> None:
    at = NOW + timedelta(seconds=-seconds if past else seconds)
    assert not believed(body, signed(body, at, SECRET))


@given(st.binary(max_size=100), st.binary(max_size=100), TEXT)
def test_another_body_or_secret_is_not(body: bytes, other: bytes, secret: str) -> None:
    headers = signed(body, NOW, SECRET)
    assert believed(other, headers) == (other == body)
    assert believed(body, headers, secret) == (secret == SECRET)


@given(TEXT, TEXT)
def test_no_text_is_believed_by_chance_or_raises(timestamp: str, signature: str) -> None:
    assert not verified(b"{}", timestamp, signature, SECRET, NOW)
    genuine = signed(b"{}", NOW, SECRET)
    assert not verified(b"{}", timestamp, genuine[SIGNATURE], SECRET, NOW)
    assert not verified(b"{}", genuine[TIMESTAMP], signature, SECRET, NOW)


@pytest.mark.parametrize("spelling", ["+{}", " {}", "{}.0", "{} ", "0x{}", "{}_0", "-{}", "\u0661{}"])
def test_a_timestamp_has_one_spelling_even_if_it_is_signed(spelling: str) -> None:
    timestamp = spelling.format(int(NOW.timestamp()))
    mac = hmac.new(SECRET.encode(), timestamp.encode() + b".{}", hashlib.sha256).hexdigest()
    assert not verified(b"{}", timestamp, f"sha256={mac}", SECRET, NOW)
