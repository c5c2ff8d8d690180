"""The image, built as the Dockerfile says and run as who it says; there is no engine here, so by buildah, in a chroot.

The base is Debian's own Python under the name of the real one: that proves the steps, and not the base.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Served, ask, until
from tests.rigs.provider import ROOT
from tests.walkthrough.relaying import free_port

BASE = "docker.io/library/python:3.11-slim-bookworm"
NAME = "localhost/tollhouse-under-test"
# Whatever pip needs to find packages on this machine.
PIP = ("/etc/pip.conf", "/etc/xdg/pip", str(Path.home() / ".config" / "pip"))
CERTIFICATES = ("/etc/ssl/certs", "/usr/share/ca-certificates")


def buildah(root: Path, *words: str) -> str:
    """What a command of it prints. Images and containers stay below `root`."""
    program = shutil.which("buildah")
    assert program is not None, "there is no buildah: install the package buildah"
    storage = ["--root", str(root / "images"), "--runroot", str(root / "run"), "--storage-driver", "vfs"]
    done = subprocess.run([program, *storage, *words], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The image, in a store of its own."""
    root = tmp_path_factory.mktemp("image")
    system = root / "system"
    assert shutil.which("debootstrap"), "there is no debootstrap: install the package debootstrap"
    packages = "--include=ca-certificates,python3,python3-venv"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", packages, "bookworm", str(system)], capture_output=True, timeout=500
    )
    assert made.returncode == 0, made.stdout[-3000:]
    base = buildah(root, "from", "scratch")
    buildah(root, "add", "--quiet", base, str(system), "/")
    buildah(root, "commit", "--quiet", base, BASE)
    there = [path for path in (*PIP, *CERTIFICATES) if Path(path).exists()]
    mounts = [word for path in there for word in ("--volume", f"{path}:{path}:ro")]
    buildah(root, "bud", "--quiet", "--pull-never", "--isolation", "chroot", *mounts, "--tag", NAME, str(ROOT))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.system
def test_it_runs_as_nobody_answers_probes_and_a_submit_and_keeps_its_data(image: Path) -> None:
    container = buildah(image, "from", "--pull-never", NAME)
    ports = [free_port(), free_port()]
    listen = [f"TOLLHOUSE_LISTEN=127.0.0.1:{ports[0]}", f"TOLLHOUSE_CONTROL_LISTEN=127.0.0.1:{ports[1]}"]
    given = [word for each in listen for word in ("--env", each)]
    storage = ["--root", str(image / "images"), "--runroot", str(image / "run"), "--storage-driver", "vfs"]
    command = ["buildah", *storage, "run", "--isolation", "chroot", *given, container, "--", "tollhouse", "serve"]
    out, log = image / "out", image / "log"
    with (
        out.open("wb") as stdout,
        log.open("wb") as stderr,
        subprocess.Popen(command, stdout=stdout, stderr=stderr, start_new_session=True) as process,
    ):
        try:
            until(lambda: process.poll() is not None or "  policies " in out.read_text())
            assert process.poll() is None, log.read_text()
            until(lambda: out.read_text().endswith("\n\n"))
            served = Served(process, image, out.read_text(), log)
            assert served.row("data") == "/var/lib/tollhouse"
            assert ask(f"{served.url}/readyz", "")[0] == 200
            assert ask(f"{served.row('control plane')}/healthz", "")[0] == 200
            assert served.submit()[0] == 200
            owners = {Path(f"/proc/{pid}").stat().st_uid for pid in _running(ports[0])}
            assert owners == {65532}
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def _running(port: int) -> list[str]:
    """Those who were told of this port and are no buildah."""
    found = []
    for each in Path("/proc").iterdir():
        if not each.name.isdigit():
            continue
        try:
            environ, program = (each / "environ").read_bytes(), (each / "cmdline").read_bytes()
        except OSError:
            continue
        if f"127.0.0.1:{port}".encode() in environ and b"/opt/tollhouse/bin/tollhouse" in program:
            found.append(each.name)
    assert found
    return found
