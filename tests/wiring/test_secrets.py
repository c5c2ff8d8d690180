"""The secrets of a gateway: given, or made at the first start; those that cannot be right stop it."""

from pathlib import Path

import pytest

from gateway.adapters.system import SystemEntropy
from gateway.core.key_secret import ENTROPY_BYTES, Kind, kind_of, mint
from gateway.settings import load_settings
from gateway.wiring.secrets import gateway_secrets, upstream_key
from gateway.wiring.trouble import CannotStart
from tests.wiring.starting import settings

ADMIN = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))


def test_they_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    first = gateway_secrets(settings(tmp_path), SystemEntropy())
    assert kind_of(first.admin_key.value) is Kind.ADMIN
    assert first.peppers.value.current == 1
    assert len(first.peppers.value.versions[1]) == 64
    assert gateway_secrets(settings(tmp_path), SystemEntropy()) == first
    assert first.admin_key.value not in repr(first)
    assert first.peppers.value.versions[1].decode() not in repr(first)


def test_those_given_are_used_and_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    given = gateway_secrets(settings(tmp_path, pepper="1:old 2:new", admin_key=ADMIN), SystemEntropy())
    assert (given.peppers.value.current, given.peppers.value.versions) == (2, {1: b"old", 2: b"new"})
    assert given.admin_key.value == ADMIN
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("admin", ["hunter2", mint(Kind.LIVE, bytes(range(ENTROPY_BYTES))), ADMIN[:-1] + "!"])
def test_what_is_no_admin_key(tmp_path: Path, admin: str) -> None:
    with pytest.raises(CannotStart, match=r"^TOLLHOUSE_ADMIN_KEY: ") as refused:
        gateway_secrets(settings(tmp_path, pepper="pepper", admin_key=admin), SystemEntropy())
    assert admin not in str(refused.value)


def test_what_is_no_pepper(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"^TOLLHOUSE_PEPPER: ") as refused:
        gateway_secrets(settings(tmp_path, pepper="1:hunter2 1:hunter3", admin_key=ADMIN), SystemEntropy())
    assert "hunter" not in str(refused.value)


def test_a_kept_secret_that_was_emptied_is_not_made_anew(tmp_path: Path) -> None:
    """With another pepper no key would be recognised any more."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pepper").write_text("")
    with pytest.raises(CannotStart, match="pepper is empty"):
        gateway_secrets(settings(tmp_path), SystemEntropy())


def test_the_real_key_from_the_environment_or_a_file_that_changes(tmp_path: Path) -> None:
    assert upstream_key(load_settings({"PIXELBYTE_API_KEY": "pb_x"}))() == "pb_x"
    file = tmp_path / "key"
    file.write_text("pb_one\n")
    key = upstream_key(load_settings({"PIXELBYTE_API_KEY_FILE": str(file)}))
    assert key() == "pb_one"
    file.write_text("pb_other\n")
    assert key() == "pb_other"


@pytest.mark.parametrize("key", ["pb_x\r\nX-Other: y", "pb x", "pb_\u00e9"])
def test_a_real_key_that_no_header_can_carry(tmp_path: Path, key: str) -> None:
    with pytest.raises(CannotStart, match=r"^PIXELBYTE_API_KEY must be one line") as refused:
        upstream_key(load_settings({"PIXELBYTE_API_KEY": key}))
    assert key not in str(refused.value)
    (tmp_path / "key").write_text(key)
    with pytest.raises(CannotStart, match=r"^PIXELBYTE_API_KEY_FILE: "):
        upstream_key(load_settings({"PIXELBYTE_API_KEY_FILE": str(tmp_path / "key")}))


def test_no_real_key_at_all(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="PIXELBYTE_API_KEY is not set"):
        upstream_key(load_settings({}))
    with pytest.raises(CannotStart, match="cannot be read"):
        upstream_key(load_settings({"PIXELBYTE_API_KEY_FILE": str(tmp_path / "nothing")}))
