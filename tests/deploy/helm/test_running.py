"""What the chart renders, started: its words, variables, ports and mounts, on paths of this machine."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.core.key_secret import ENTROPY_BYTES, Kind, mint
from tests.cli.serving import PROGRAM, ask, until
from tests.deploy.elsewhere import Elsewhere
from tests.deploy.helm.chart import Helm, Manifest, named
from tests.rigs.postgres import running_postgres
from tests.rigs.provider import ROOT
from tests.walkthrough.house import SLUG
from tests.walkthrough.policies import budget, organization, team, whole
from tests.walkthrough.relaying import free_port

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("helm")]

ADMIN: Final = mint(Kind.ADMIN, bytes(range(ENTROPY_BYTES)))


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster would have beside a release: its Secret, and a folder in the place of each volume."""

    root: Path
    manifests: list[Manifest]
    secret: Mapping[str, str]
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))

    def process(self, pod: Manifest) -> tuple[list[str], dict[str, str]]:
        """The words and the variables of a pod's container, where this machine has what they name."""
        [container] = pod["containers"]
        # The image's entry point is the program.
        assert "command" not in container
        volumes = {one["name"]: one for one in pod["volumes"]}
        data, control = (f"127.0.0.1:{port}" for port in self.ports)
        places = {"0.0.0.0:8080": data, "0.0.0.0:8081": control, "toll-control:8081": control}
        for mount in container["volumeMounts"]:
            folder = self.root / mount["name"]
            self._fill(folder, volumes.get(mount["name"], {}))
            places[mount["mountPath"]] = str(folder)
        here = Elsewhere(places)
        given = {one["name"]: here(one["value"]) for one in container["env"]}
        return [*PROGRAM, *map(here, container["args"])], {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **given}

    def _fill(self, folder: Path, volume: Mapping[str, Any]) -> None:
        folder.mkdir(exist_ok=True)
        match volume:
            case {"secret": {"secretName": "ours", "items": items}}:
                files = {item["path"]: self.secret[item["key"]] for item in items}
            case {"configMap": {"name": name, **more}}:
                data = named(self.manifests, "ConfigMap", name.removeprefix("toll"))["data"]
                items = more.get("items", [{"key": key, "path": key} for key in data])
                files = {item["path"]: data[item["key"]] for item in items}
            case _:
                # An emptyDir, or a claim.
                return
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")

    def job(self, name: str) -> str:
        """Run a hook to its end; what it said."""
        words, given = self.process(named(self.manifests, "Job", name)["spec"]["template"]["spec"])
        done = subprocess.run(words, env=given, cwd=self.root, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def gateway(self) -> Iterator[Manifest]:
        """Run the gateway; its container."""
        pod: Manifest = named(self.manifests, "StatefulSet")["spec"]["template"]["spec"]
        words, given = self.process(pod)
        with (
            (self.root / "log").open("wb") as log,
            subprocess.Popen(words, env=given, cwd=self.root, stderr=log) as process,
        ):
            try:
                yield pod["containers"][0]
                began = time.monotonic()
                process.terminate()
                assert process.wait(pod["terminationGracePeriodSeconds"]) == 0
                # It went on, not ready, for as long as the cluster was promised.
                assert time.monotonic() - began >= 1
            finally:
                process.kill()

    def probe(self, container: Manifest, name: str) -> bool:
        """Ask what the kubelet would."""
        asked = container[name]["httpGet"]
        port = dict(zip(("data", "control"), self.ports, strict=True))[asked["port"]]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{asked['path']}", timeout=3) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False


@contextmanager
def redis(root: Path) -> Iterator[str]:
    port = free_port()
    words = ["redis-server", "--port", str(port), "--dir", str(root), "--appendonly", "yes", "--appendfsync", "always"]
    with subprocess.Popen([*words, "--maxmemory-policy", "noeviction"], stdout=subprocess.DEVNULL) as process:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def values(ceiling: str) -> dict[str, Any]:
    files = whole({**organization(), **team(budget(ceiling))})
    return {
        "secrets": {"existingSecret": "ours"},
        "sandbox": True,
        "config": {"shutdown_delay": "1s"},
        "policies": {"files": files},
    }


def test_an_install_then_an_upgrade(newest: Helm, tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with redis(tmp_path / "redis") as store, running_postgres() as database:
        secret = {"pepper": "0123456789abcdef", "admin-key": ADMIN, "redis-url": store, "database-url": database}
        first = Cluster(tmp_path / "first", newest.render(values("0.80")), secret)
        first.root.mkdir()
        first.job("-policy-check")
        first.job("-store-init")
        with first.gateway() as container:
            until(lambda: first.probe(container, "readinessProbe"))
            assert first.probe(container, "startupProbe")
            assert first.probe(container, "livenessProbe")
            url, control = (f"http://127.0.0.1:{port}" for port in first.ports)
            key = ask(f"{control}/admin/v1/keys", ADMIN, {"team": "video", "name": "ci"})[1]["key"]
            job = {"model": SLUG, "input": {}}
            assert [ask(f"{url}/v1/jobs/submit", key, job)[0] for _ in range(3)] == [200, 200, 402]

            # An upgrade: the same gateway, another ceiling.
            second = Cluster(tmp_path / "second", newest.render(values("1.20"), "--is-upgrade"), secret, first.ports)
            second.root.mkdir()
            second.job("-policy-check")
            second.job("-policy-apply")
            assert [ask(f"{url}/v1/jobs/submit", key, job)[0] for _ in range(2)] == [200, 402]
            # Once more, with nothing in it that is new.
            second.job("-policy-apply")
            history = ask(f"{control}/admin/v1/policies/versions", ADMIN)[1]["versions"]
            assert history[0]["message"] == "Helm release toll, revision 1", json.dumps(history)
            until(lambda: second.probe(container, "readinessProbe"))


def test_the_policies_of_the_page_are_sound_with_the_prices_that_ship(newest: Helm, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    [text] = [one for one in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "secrets:" in one]
    cluster = Cluster(tmp_path, newest.render(yaml.safe_load(text)), {})
    cluster.job("-policy-check")
    assert list((tmp_path / "policies" / "prices").iterdir())


def test_a_store_that_is_in_use_is_not_begun_again(newest: Helm, tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with redis(tmp_path / "redis") as store:
        secret = {"pepper": "0123456789abcdef", "admin-key": ADMIN, "redis-url": store, "database-url": "sqlite:////x"}
        cluster = Cluster(tmp_path / "release", newest.render(values("1.00")), secret)
        cluster.root.mkdir()
        cluster.job("-store-init")
        with pytest.raises(AssertionError, match="not empty"):
            cluster.job("-store-init")


def test_policies_with_a_mistake_stop_an_upgrade_and_say_where(newest: Helm, tmp_path: Path) -> None:
    wrong = values("1.00")
    wrong["policies"]["files"]["teams/video.toml"] = wrong["policies"]["files"]["teams/video.toml"].replace(
        "meter", "metre"
    )
    cluster = Cluster(tmp_path, newest.render(wrong), {})
    with pytest.raises(AssertionError, match=re.escape("teams/video.toml")):
        cluster.job("-policy-check")


def test_the_embedded_store_needs_nothing_else(newest: Helm, tmp_path_factory: pytest.TempPathFactory) -> None:
    given = {**values("5.00"), "embeddedStore": {"enabled": True}, "replicas": 1}
    # A socket's path has to fit.
    root = tmp_path_factory.getbasetemp().parent / "e"
    root.mkdir(exist_ok=True)
    cluster = Cluster(root, newest.render(given), {"pepper": "0123456789abcdef", "admin-key": ADMIN})
    with cluster.gateway() as container:
        until(lambda: cluster.probe(container, "readinessProbe"))
        url, control = (f"http://127.0.0.1:{port}" for port in cluster.ports)
        key = ask(f"{control}/admin/v1/keys", ADMIN, {"team": "video", "name": "ci"})[1]["key"]
        assert ask(f"{url}/v1/jobs/submit", key, {"model": SLUG, "input": {}})[0] == 200
