"""A release, and Helm: made or fetched once for all who need them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.helm.chart import CARRIERS, Helm, unpacked
from tests.rigs.provider import ROOT

# When the release says that it was made.
EPOCH = {"SOURCE_DATE_EPOCH": "1764547200"}


@pytest.fixture(scope="session")
def release() -> Iterator[Path]:
    """A copy of the tree; the release in `dist`, what it installs in `build/released`. Anybody may read it."""
    with tempfile.TemporaryDirectory(prefix="release-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o755)
        words = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
        for file in filter(None, listed.stdout.decode().split("\0")):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, root / file)
        (root / ".venv").symlink_to(ROOT / ".venv")
        # Whoever hands out has set it up already: only what `dist` itself does is looked at.
        ready = [f"--old-file=.venv/{mark}" for mark in (".installed", ".developing")]
        made = subprocess.run(
            ["make", *ready, "dist"], cwd=root, env={**os.environ, **EPOCH}, capture_output=True, text=True
        )
        assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
        yield root


@pytest.fixture(scope="session")
def helms(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Helm]:
    return {major: unpacked(major, tmp_path_factory.mktemp(f"helm-{major}")) for major in CARRIERS}


@pytest.fixture(params=sorted(CARRIERS))
def helm(request: pytest.FixtureRequest, helms: dict[int, Helm]) -> Helm:
    """Either of them."""
    return helms[request.param]


@pytest.fixture
def newest(helms: dict[int, Helm]) -> Helm:
    return helms[max(helms)]
