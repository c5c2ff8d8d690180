"""What is handed out, made as a release makes it: what is in it, whether it can be made again, and that it runs."""

import hashlib
import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from gateway import __version__
from tests.cli.serving import Served, until
from tests.deploy.conftest import EPOCH
from tests.deploy.release.test_requirements import LOCKED, NEEDED
from tests.rigs.provider import ROOT

pytestmark = pytest.mark.xdist_group("release")


def _sums(directory: Path) -> Mapping[str, str]:
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in directory.iterdir()}


@pytest.mark.system
def test_what_is_handed_out(release: Path) -> None:
    wheel, source = f"tollhouse-{__version__}-py3-none-any.whl", f"tollhouse-{__version__}.tar.gz"
    handed = _sums(release / "dist")
    told = dict(reversed(line.split()) for line in (release / "dist" / "SHA256SUMS").read_text().splitlines())
    assert set(handed) == {wheel, source, "sbom.cdx.json", "licences.md", "requirements.txt", "SHA256SUMS"}
    assert told == {name: found for name, found in handed.items() if name != "SHA256SUMS"}
    with zipfile.ZipFile(release / "dist" / wheel) as packed:
        names = packed.namelist()
    assert {name.split("/")[0] for name in names} == {"gateway", f"tollhouse-{__version__}.dist-info"}
    for needed in (
        "gateway/policies/organization.toml",
        "gateway/adapters/redis/lua/hold.lua",
        "gateway/sandbox/catalogue.json",
    ):
        assert needed in names


@pytest.mark.system
def test_the_bill_of_materials_is_what_is_pinned(release: Path) -> None:
    bill = json.loads((release / "dist" / "sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    parts = {canonicalize_name(one["name"]): one["version"] for one in bill["components"]}
    assert parts == {name: LOCKED[name] for name in NEEDED} | {"tollhouse": __version__}
    assert all(one["licenses"] for one in bill["components"])


@pytest.mark.system
def test_the_licences_are_those_of_the_documentation(release: Path) -> None:
    told = _rows(ROOT / "docs" / "licences.md")
    assert {canonicalize_name(name) for name, _, _ in told} == set(LOCKED)
    assert _rows(release / "dist" / "licences.md") <= told


def _rows(file: Path) -> set[tuple[str, str, str]]:
    """Package, version and licence of each row of the table in a file."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in file.read_text().splitlines()[2:]]
    return {
        (row[0], row[1], row[2]) for row in cells if len(row) == 3 and not row[0].startswith("-") and row[0] != "Name"
    }


@pytest.mark.system
def test_the_same_commit_makes_the_same_files(release: Path) -> None:
    command = [ROOT / ".venv" / "bin" / "python", "-m", "build", "--outdir", "build/again"]
    subprocess.run(command, cwd=release, env={**os.environ, **EPOCH}, capture_output=True, check=True)
    again = _sums(release / "build" / "again")
    assert len(again) == 2
    assert again.items() <= _sums(release / "dist").items()


@pytest.mark.system
def test_it_runs_where_nothing_can_be_written_but_its_data(release: Path, tmp_path: Path) -> None:
    """Out of the wheel, without the source, on a file system that is read-only as a container's is."""
    out, log = tmp_path / "out", tmp_path / "log"
    given = {
        "PATH": os.environ["PATH"],
        "TOLLHOUSE_LISTEN": "127.0.0.1:0",
        "TOLLHOUSE_CONTROL_LISTEN": "127.0.0.1:0",
    }
    program = release / "build" / "released" / "bin" / "tollhouse"
    # A short name: a socket's path has to fit.
    with (
        tempfile.TemporaryDirectory(prefix="toll-", dir="/var/tmp", ignore_cleanup_errors=True) as data,
        out.open("wb") as stdout,
        log.open("wb") as stderr,
        subprocess.Popen(
            [*_alone_with(Path(data), release), program, "serve"],
            cwd=release,
            env={**given, "TOLLHOUSE_DATA_DIR": data},
            stdout=stdout,
            stderr=stderr,
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or out.read_text().endswith("\n\n"))
            assert process.poll() is None, log.read_text()
            served = Served(process, tmp_path, out.read_text(), log)
            assert served.submit()[0] == 200
            assert served.stop() == 0
        finally:
            process.kill()
        assert {"admin.key", "pepper", "store"} <= {one.name for one in Path(data).iterdir()}
    refused = subprocess.run(
        [*_alone_with(tmp_path, release), "touch", "/var/tmp/x", release / "x"], capture_output=True, text=True
    )
    assert refused.stderr.count("Read-only file system") == 2


def _alone_with(data: Path, tree: Path) -> list[str]:
    """The words before a command that run it with everything read-only but one directory."""
    script = 'mount --bind "$1" "$1"; mount --bind "$2" "$2"; mount -o remount,bind,ro "$2"; mount -o remount,bind,ro /'
    words = f'set -e; {script}; cd "$2"; shift 2; exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", words, "sh", str(data), str(tree)]
