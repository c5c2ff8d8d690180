"""What the image is told, by its text: settings that are settings, nobody's secrets, and no shell."""

import re
import subprocess
import sys
from pathlib import Path

from gateway.settings import load_settings
from tests.rigs.provider import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ONE_LINE_EACH = re.sub(r"\s*\\\n\s*", " ", TEXT)


def told(instruction: str) -> list[str]:
    return re.findall(rf"^(?:    )?{instruction} (.*)$", ONE_LINE_EACH, re.MULTILINE)


def test_what_is_copied_is_there_and_let_through() -> None:
    copied = [path for line in told("COPY") if "--from" not in line for path in line.split()[:-1]]
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert f"!{Path(path).name}" in let_through


def test_its_settings_are_settings_and_hold_no_secret(tmp_path: Path) -> None:
    pairs = dict(pair.split("=", 1) for line in told("ENV") for pair in line.split())
    given = load_settings({name: text for name, text in pairs.items() if name.startswith("TOLLHOUSE_")})
    assert (str(given.listen), str(given.control_listen)) == ("http://0.0.0.0:8080", "http://0.0.0.0:8081")
    assert given.data_dir == Path("/var/lib/tollhouse")
    assert not re.search(r"toll_(live|test|admin)_|_KEY=|_PEPPER=|_SECRET=", TEXT)


def test_nothing_needs_a_shell_and_nobody_is_root() -> None:
    for instruction in ("RUN", "ENTRYPOINT", "CMD"):
        assert told(instruction)
        assert all(line.startswith("[") for line in told(instruction)), instruction
    assert told("USER") == ["65532:65532"]
    assert told("STOPSIGNAL") == ["SIGTERM"]
    assert "HEALTHCHECK" in TEXT


def test_the_linter_has_nothing_to_say() -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (0, "")
