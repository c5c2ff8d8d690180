"""`docs/deploy.md`, done as it says: its systemd part on a machine whose directories are laid over."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.helm.chart import Helm
from tests.rigs.provider import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
# Without what is no text and no command: comments there look like headings.
PROSE = re.sub(r"^```yaml\n.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
UNIT = (ROOT / "deploy" / "systemd" / "tollhouse.service").read_text(encoding="utf-8")
SYSTEMD = "On machines of your own, with systemd"
HELM = "On Kubernetes, with Helm"
FIRST = "Deploying"
# Here the network ends: what comes before it is fetched from where packages are.
FETCHED = "pip install --no-deps"

pytestmark = pytest.mark.xdist_group("release")


def commands(heading: str) -> list[str]:
    """Those of a part of the page, in their order."""
    part = re.split(r"^#+ ", PROSE, flags=re.MULTILINE)
    text = next(one for one in part if one.startswith(f"{heading}\n"))
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def unit(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def started() -> str:
    """What systemd would do with the unit, of which it is not here to do it."""
    whose, where = unit("User")[0], unit("WorkingDirectory")[0]
    begin = f"sudo -u {whose} env --chdir={where} {' '.join(unit('Environment'))}"
    return "\n".join(
        [
            *(f"{begin} {command}" for command in unit("ExecStartPre")),
            f"{begin} {unit('ExecStart')[0]} &",
            "for _ in $(seq 200); do curl -fs http://127.0.0.1:8081/readyz >/dev/null && break; sleep 0.1; done",
        ]
    )


def script(parts: list[str]) -> str:
    """Every command, announced before it runs; the first that fails ends it."""
    lines = ["set -euo pipefail"]
    for command in parts:
        lines.append(f"printf '\\n$ %s\\n' {shlex.quote(command)}")
        if not command.startswith("sudo systemctl"):
            lines.append(command)
        elif "enable --now" in command:
            lines.append(started())
    return "\n".join(lines) + "\n"


LAID_OVER = """
set -euo pipefail
for place in etc opt var/lib; do
  mkdir -p "$UNDER/$place/upper" "$UNDER/$place/work"
  mount -t overlay overlay -o "lowerdir=/$place,upperdir=$UNDER/$place/upper,workdir=$UNDER/$place/work" "/$place"
done
echo 127.0.0.1 redis.internal db.internal >> /etc/hosts
cd "$TREE"
bash "$UNDER/fetching.sh"
unshare --net bash "$UNDER/offline.sh"
"""

SERVERS = """
set -euo pipefail
ip link set lo up
redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction --dir "$UNDER" >"$UNDER/redis.log" &
as_postgres="runuser -u postgres -- $POSTGRES"
$as_postgres/initdb --pgdata "$UNDER/pg/data" --auth trust --username tollhouse --no-sync >/dev/null
$as_postgres/pg_ctl start --wait --pgdata "$UNDER/pg/data" --log "$UNDER/pg/log" \\
  -o "-c listen_addresses=127.0.0.1 -c unix_socket_directories=$UNDER/pg" >/dev/null
$as_postgres/createdb --host 127.0.0.1 --username tollhouse tollhouse
trap 'kill $(jobs -p); $as_postgres/pg_ctl stop --mode immediate --pgdata "$UNDER/pg/data" >/dev/null' EXIT
"""


@pytest.fixture
def under() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="deploy-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "pg").mkdir()
        shutil.chown(root / "pg", "postgres")
        yield root


@pytest.mark.system
def test_from_nothing_to_a_governed_submit(release: Path, under: Path) -> None:
    every = [*commands(FIRST), *commands(SYSTEMD)]
    cut = 1 + next(at for at, command in enumerate(every) if FETCHED in command)
    (under / "fetching.sh").write_text(script(every[:cut]))
    (under / "offline.sh").write_text(SERVERS + script(every[cut:]))
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "there is no PostgreSQL: install the package postgresql"
    given = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "UNDER": str(under),
        "TREE": str(release),
        "POSTGRES": str(found[-1]),
    }
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "bash", "-c", LAID_OVER],
        env=given,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = done.stdout.split("\n$ ")[1:]
    assert len(said) == len(every)
    answers = dict(zip(every, (one.partition("\n")[2] for one in said), strict=True))
    [submit] = [answer for command, answer in answers.items() if "/v1/jobs/submit" in command]
    assert '"jobId": "job_' in submit
    [team] = [answer for command, answer in answers.items() if "team show" in command]
    assert "0.35" in team, team
    # All of it was undone with the layers.
    assert [path for path in ("/etc/tollhouse", "/opt/tollhouse") if Path(path).exists()] == []


@pytest.mark.system
def test_the_helm_part_as_far_as_no_cluster_is_asked(newest: Helm, tmp_path: Path) -> None:
    (tmp_path / "helm").symlink_to(ROOT / "helm")
    [text] = [one for one in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "secrets:" in one]
    (tmp_path / "values.yaml").write_text(text, encoding="utf-8")
    given = {**os.environ, "PATH": f"{newest.program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    run = [command for command in commands(HELM) if not not_run(command) and not command.startswith("curl")]
    assert len(run) > 4
    words = ["bash", "-c", script(run)]
    done = subprocess.run(words, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    secrets = {"pepper", "admin-key", "redis-url", "database-url"}
    assert {one.name for one in (tmp_path / "secrets").iterdir()} == secrets
    assert "kind: StatefulSet" in done.stdout


def not_run(command: str) -> bool:
    """Whether it is of a kind that the page says no test runs."""
    told = re.findall(r"^- ((?:`[a-z ]+`(?:, )?)+):", PAGE[PAGE.index("These they do not run") :], re.MULTILINE)
    kinds = [kind.split() for kinds in told for kind in re.findall(r"`([a-z ]+)`", kinds)]
    assert len(kinds) > 3
    return any(command.split()[: len(kind)] == kind for kind in kinds)


def test_what_is_not_run_is_said_to_be() -> None:
    """A command that no test runs is of such a kind; a `curl` is one to what such a command would have started."""
    for heading in re.findall(r"^#+ (.*)$", PROSE, re.MULTILINE):
        if heading not in (FIRST, SYSTEMD, HELM):
            assert [one for one in commands(heading) if not not_run(one) and not one.startswith("curl")] == [], heading


@pytest.mark.system
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    (tmp_path / "tollhouse.service").write_text(UNIT.replace("/opt/tollhouse/bin/tollhouse", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "tollhouse.service"], capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    words = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", tmp_path / "tollhouse.service"]
    exposed = subprocess.run(words, capture_output=True, text=True)
    assert exposed.returncode == 0, exposed.stdout


def test_the_unit_kills_when_the_settings_say_so() -> None:
    settings = (ROOT / "deploy" / "systemd" / "tollhouse.toml").read_text()
    assert re.findall(r'^termination_grace = "(\d+)s"', settings, re.MULTILINE) == unit("TimeoutStopSec")
