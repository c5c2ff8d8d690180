"""One process at a time, whatever it dies of, and nobody else reads what it wrote."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.adapters.spool import SpoolInUse, open_spool
from gateway.ports import SpoolUnavailable
from tests.adapters.spool.spools import MACHINE, acceptance, files, killed, opened, remains
from tests.doubles import StillClock

ROOT = Path(__file__).parents[3]


@contextmanager
def writing(data_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that writes and writes. It is killed at the end, if not before."""
    command = [sys.executable, "-m", "tests.adapters.spool.writer", str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[bytes]", lines: int) -> list[str]:
    """What the process says, up to so many lines."""
    assert process.stdout is not None
    return [process.stdout.readline().decode().strip() for _ in range(lines)]


@pytest.mark.parametrize("lines", [2, 3, 250, 1001])
def test_whatever_was_written_before_a_kill_is_there_after_it(tmp_path: Path, lines: int) -> None:
    with writing(tmp_path) as process:
        heard = said(process, lines)
        process.kill()
        assert process.stdout is not None
        heard += process.stdout.read().decode().splitlines()

    found = remains(tmp_path)

    (predecessor,) = found.predecessors
    sent = {line.removeprefix("sent ") for line in heard if line.startswith("sent ")}
    accepted = [line.removeprefix("accepted ") for line in heard if line.startswith("accepted ")]
    # At most one more call had done its work and had not said so.
    assert sent <= predecessor.sent
    assert len(predecessor.sent) <= len(sent) + 1
    assert [one.hold_id for one in found.unsettled][: len(accepted)] == accepted
    assert len(found.unsettled) <= len(accepted) + 1
    assert predecessor.whole
    assert not any(damage.lines for damage in found.damage)
    assert lines < 1000 or len(files(tmp_path)) > 1


def test_a_second_process_on_the_same_directory_is_told_so_until_the_first_is_gone(tmp_path: Path) -> None:
    with writing(tmp_path) as process:
        assert said(process, 2) == ["opened", "sent h0"]
        with pytest.raises(SpoolInUse, match=f"another process is using the data directory {tmp_path}"):
            remains(tmp_path)
        process.kill()
        process.wait()
        assert remains(tmp_path).predecessors


def test_a_second_one_in_the_same_process_is_told_so_too(tmp_path: Path) -> None:
    with opened(tmp_path, "b1"), pytest.raises(SpoolInUse):
        remains(tmp_path)
    assert remains(tmp_path).predecessors == ()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with opened(tmp_path, "b1") as (spool, _):
        spool.sent("h1")
        directory = tmp_path / "spool"
        assert directory.stat().st_mode & 0o777 == 0o700
        assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {
            "lock": 0o600,
            "b1.1.jsonl": 0o600,
        }


@pytest.mark.parametrize("boot", ["", "a.b", "a/b", "a b", "ü"])
def test_a_boot_that_no_file_can_be_named_after_is_a_mistake(tmp_path: Path, boot: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a file's name"), opened(tmp_path, boot):
        pass


def test_a_directory_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SpoolUnavailable, match="cannot be opened"), opened(tmp_path / "data", "b1"):
        pass


def test_a_file_that_cannot_be_read_is_unavailable_and_the_lock_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "spool" / "b1.1.jsonl").mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(SpoolUnavailable, match="cannot be read"):
            remains(tmp_path)


def test_damage_is_reported_once_with_the_files_name_and_without_what_is_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with killed(tmp_path, "torn") as spool:
        spool.accepted(acceptance("secret"))
    with killed(tmp_path, "damaged") as spool:
        spool.sent("secret")
        spool.sent("h2")
    with (tmp_path / "spool" / "torn.1.jsonl").open("ab") as file:
        file.write(b'0123abcd {"kind":"sent","hold":"sec')
    path = tmp_path / "spool" / "damaged.1.jsonl"
    path.write_bytes(path.read_bytes().replace(b"h2", b"h3"))

    with caplog.at_level(logging.INFO), open_spool(tmp_path, "b1", MACHINE, StillClock()) as (spool, found):
        assert len(found.damage) == 2
        list(spool.acceptances())

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "spool file damaged.1.jsonl has 1 damaged lines; they may have named accepted jobs"),
        ("WARNING", "spool file torn.1.jsonl ends in a line that was cut off"),
    ]
