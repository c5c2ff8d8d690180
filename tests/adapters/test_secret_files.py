"""Secrets in files: made once, read strictly, and read again when somebody replaces them."""

import os
import stat
from pathlib import Path

import pytest

from gateway.adapters.secret_files import SecretFileError, WatchedSecret, kept_secret, read_secret


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path, mask = tmp_path / "admin.key", os.umask(0)
    try:
        assert kept_secret(path, lambda: "first") == "first"
    finally:
        os.umask(mask)
    assert kept_secret(path, lambda: "second") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "first\n"


def test_white_space_around_a_secret_is_not_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(" \n pb_key\r\n")
    assert read_secret(path) == "pb_key"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_what_is_no_secret(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SecretFileError, match=str(path)):
        read_secret(path)
    with pytest.raises(SecretFileError):
        kept_secret(path, lambda: "other")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="cannot be read: FileNotFoundError"):
        read_secret(tmp_path / "nothing")
    with pytest.raises(SecretFileError):
        WatchedSecret(tmp_path / "nothing")
    with pytest.raises(SecretFileError):
        WatchedSecret(tmp_path)


def replace(path: Path, content: bytes) -> None:
    """Put another file in its place, as a mounted secret is updated."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def test_a_replaced_secret_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"pb_one\n")
    secret = WatchedSecret(path)
    assert (secret(), secret()) == ("pb_one", "pb_one")
    replace(path, b"pb_two\n")
    assert (secret(), secret()) == ("pb_two", "pb_two")
    # Written in place, with another length.
    path.write_bytes(b"pb_three\n")
    assert secret() == "pb_three"


def test_a_replacement_that_is_none_is_passed_over_until_a_good_one_is_there(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"pb_one\n")
    secret = WatchedSecret(path)
    for broken in (b"", b"\n", b"\xff", b"pb_two\npb_three", b"pb two", "pb_\u00e9".encode()):
        replace(path, broken)
        assert secret() == "pb_one"
    path.unlink()
    assert secret() == "pb_one"
    replace(path, b"pb_two\n")
    assert secret() == "pb_two"


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"pb_one\n")
    secret = WatchedSecret(path)
    monkeypatch.setattr("gateway.adapters.secret_files.read_secret", lambda _path: "pb_never")
    assert [secret() for _ in range(3)] == ["pb_one"] * 3


def test_a_secret_that_no_header_can_carry_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"pb_one\nX-Other: pb_two\n")
    with pytest.raises(SecretFileError, match="one line of visible ASCII") as refused:
        WatchedSecret(path)
    assert "pb_one" not in str(refused.value)
