"""Reading a directory of policy files: what is read, what is left alone, and what is complained of."""

import os
from pathlib import Path

import pytest

from gateway.adapters.policy_files import read_directory
from gateway.adapters.policy_files.directory import MAX_BYTES


@pytest.fixture
def root(tmp_path: Path) -> Path:
    policies = tmp_path / "policies"
    for name in ("organization.toml", "teams/video.toml", "prices/2026-02-18.toml"):
        write(policies / name, f"# {name}\n")
    return policies


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def complaints(root: Path) -> list[str]:
    return [str(complaint) for complaint in read_directory(root).complaints]


def test_every_file_is_read_by_its_path(root: Path) -> None:
    write(root / "teams" / "ünïcode.toml", "# ✓\n")
    found = read_directory(root)

    assert found.complaints == ()
    assert found.files == {
        "organization.toml": "# organization.toml\n",
        "prices/2026-02-18.toml": "# prices/2026-02-18.toml\n",
        "teams/video.toml": "# teams/video.toml\n",
        "teams/ünïcode.toml": "# ✓\n",
    }


def test_a_readme_and_what_starts_with_a_dot_are_left_alone(root: Path) -> None:
    before = read_directory(root)
    for name in ("README.md", "teams/README.md", ".gitkeep", "teams/.video.toml.swp", ".git/config"):
        write(root / name, b"\xff")

    assert read_directory(root) == before


def test_another_file_is_read_so_that_it_can_be_complained_of(root: Path) -> None:
    write(root / "notes.txt", "notes")

    assert read_directory(root).files["notes.txt"] == "notes"


def test_another_directory_is_not_entered(root: Path) -> None:
    write(root / "archive" / "video.toml", "")
    write(root / "teams" / "old" / "video.toml", "")

    assert complaints(root) == [
        "archive: is a directory that does not belong here",
        "teams/old: is a directory that does not belong here",
    ]


def test_a_file_that_is_not_utf_8_is_complained_of_and_the_others_are_read(root: Path) -> None:
    write(root / "teams" / "video.toml", b"team = \xff")
    found = read_directory(root)

    assert complaints(root) == ["teams/video.toml: is not UTF-8: byte 7 is wrong"]
    assert sorted(found.files) == ["organization.toml", "prices/2026-02-18.toml"]


def test_a_file_may_be_as_large_as_stated_and_no_larger(root: Path) -> None:
    write(root / "teams" / "video.toml", b"#" * MAX_BYTES)
    assert complaints(root) == []

    write(root / "teams" / "video.toml", b"#" * (MAX_BYTES + 1))
    assert complaints(root) == ["teams/video.toml: is larger than 1048576 bytes"]


def test_a_link_out_of_the_directory_is_not_followed(root: Path) -> None:
    write(root.parent / "secret.toml", "secret")
    (root / "teams" / "out.toml").symlink_to(root.parent / "secret.toml")
    (root / "teams" / "up.toml").symlink_to("../../secret.toml")

    assert complaints(root) == [
        "teams/out.toml: is a link that leads out of the directory",
        "teams/up.toml: is a link that leads out of the directory",
    ]
    assert "secret" not in read_directory(root).files.values()


def test_a_directory_outside_is_not_entered_through_a_link(root: Path) -> None:
    (root / "teams" / "video.toml").unlink()
    (root / "teams").rmdir()
    write(root.parent / "elsewhere" / "video.toml", "secret")
    (root / "teams").symlink_to(root.parent / "elsewhere")

    assert complaints(root) == ["teams: is a link that leads out of the directory"]


def test_links_inside_the_directory_are_followed_as_a_mounted_config_map_has_them(root: Path) -> None:
    plain = read_directory(root)
    (root / "..2026_11_23").mkdir()
    for name in ("organization.toml", "teams", "prices"):
        (root / name).rename(root / "..2026_11_23" / name)
        (root / name).symlink_to(Path("..data") / name)
    (root / "..data").symlink_to("..2026_11_23")

    assert read_directory(root) == plain


@pytest.mark.parametrize(
    ("target", "sentence"),
    [("nowhere.toml", "cannot be read: No such file or directory"), ("loop.toml", "is a link that leads to itself")],
)
def test_a_link_that_leads_nowhere_is_complained_of(root: Path, target: str, sentence: str) -> None:
    (root / "teams" / "loop.toml").symlink_to(target)

    (only,) = complaints(root)
    assert only in (
        f"teams/loop.toml: {sentence}",
        "teams/loop.toml: cannot be read: Too many levels of symbolic links",
    )


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "teams" / "pipe.toml")

    assert complaints(root) == ["teams/pipe.toml: is not a regular file"]


def test_a_directory_that_is_not_there_is_a_complaint(tmp_path: Path) -> None:
    found = read_directory(tmp_path / "missing")

    assert found.files == {}
    assert complaints(tmp_path / "missing") == [".: is not a directory that can be read: No such file or directory"]


def test_a_file_in_place_of_a_directory_is_read_so_that_it_can_be_complained_of(tmp_path: Path) -> None:
    write(tmp_path / "teams", "schema = 1")

    assert read_directory(tmp_path).files == {"teams": "schema = 1"}
