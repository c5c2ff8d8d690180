"""SIGHUP: secrets that were exchanged count from the next request on, also where many parts use them."""

import logging
from pathlib import Path

import pytest

from gateway.adapters.system import SystemEntropy
from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from gateway.wiring.reread import Reread
from gateway.wiring.secrets import gateway_secrets
from tests.wiring.starting import settings

ADMIN = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))
LATER = mint(Kind.ADMIN, bytes(range(1, ENTROPY_BYTES + 1)))


def reread(root: Path, **given: str) -> Reread:
    started = settings(root, **{"pepper": "old", "admin_key": ADMIN, **given})
    return Reread(started, gateway_secrets(started, SystemEntropy()), SystemEntropy())


def test_all_of_them_are_exchanged(tmp_path: Path) -> None:
    public = {"PIXELBYTE_API_KEY": "pb_x", "public_url": "https://toll.example.com"}
    again = reread(tmp_path, upstream_webhook_secret="whsec_old", **public)
    peppers, admin, hooks = again.secrets.peppers, again.secrets.admin_key, again.secrets.hooks
    again(settings(tmp_path, pepper="1:old 2:new", admin_key=LATER, upstream_webhook_secret="whsec_new", **public))
    assert peppers.value.newest_first == (b"new", b"old")
    assert (admin.value, hooks.value.live) == (LATER, ("whsec_new",))


def test_one_that_cannot_be_right_changes_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    again = reread(tmp_path)
    again(settings(tmp_path, pepper="new", admin_key="hunter2"))
    assert (again.secrets.peppers.value.newest_first, again.secrets.admin_key.value) == ((b"old",), ADMIN)
    [record] = caplog.records
    assert record.getMessage().startswith("the secrets stay as they were: TOLLHOUSE_ADMIN_KEY: ")
    assert "hunter2" not in caplog.text


def test_what_counts_from_the_next_start_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    again = reread(tmp_path)
    with caplog.at_level(logging.INFO):
        again(settings(tmp_path, pepper="new", admin_key=ADMIN, redis_url="redis://:hunter2@redis", max_body="2MiB"))
    assert [record.getMessage() for record in caplog.records] == [
        "the secrets were read again",
        "TOLLHOUSE_REDIS_URL has changed: that counts from the next start on",
        "TOLLHOUSE_MAX_BODY has changed: that counts from the next start on",
    ]
    assert again.secrets.peppers.value.newest_first == (b"new",)
