from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox.uploads import CONTENT_TYPES, Upload

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("kind", "megabytes"), [("image", 10), ("video", 100), ("audio", 50)])
def test_the_size_depends_on_the_kind(kind: str, megabytes: int) -> None:
    kinds = [each for each in CONTENT_TYPES if each.startswith(kind)]
    assert {Upload("a", "a", each, "http://x/", START).max_size for each in kinds} == {megabytes * 1_048_576}


def test_a_file_is_available_for_an_hour() -> None:
    upload = Upload("a", "a.png", "image/png", "http://x/", START)
    minutes = (0, 59, 60)
    assert [upload.status(START + timedelta(minutes=each)) for each in minutes] == ["pending", "pending", "expired"]
