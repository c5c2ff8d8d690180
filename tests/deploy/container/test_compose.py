"""`compose.yaml`: its form, what it opens to whom, and that what it says of the gateway, store and ledger works."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import pytest
import redis
import yaml

from gateway.settings import load_settings
from tests.cli.serving import PROGRAM, ask, until
from tests.deploy.elsewhere import Elsewhere
from tests.rigs.postgres import running_postgres
from tests.rigs.provider import ROOT
from tests.walkthrough.house import SLUG
from tests.walkthrough.relaying import free_port

SERVICES: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def environment(service: str) -> dict[str, str]:
    return dict(SERVICES[service].get("environment", {}))


def test_it_has_the_form_that_compose_demands() -> None:
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            str(ROOT / "compose.yaml"),
        ],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_what_it_mounts_from_here_is_here() -> None:
    mounted = [place.split(":")[0] for one in SERVICES.values() for place in one.get("volumes", ()) if place[0] == "."]
    assert len(mounted) > 2
    assert [place for place in mounted if not (ROOT / place).exists()] == []


def test_only_this_machine_is_let_in() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert {port.rsplit(":", 1)[1] for port in ports} >= {"8080", "8081", "3000", "9090"}
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not {"store", "ledger"} & {name for name, one in SERVICES.items() if one.get("ports")}


def test_the_gateway_writes_nowhere_but_into_its_data_and_is_given_nothing_it_does_not_need() -> None:
    for name in ("gateway", "secrets"):
        one = SERVICES[name]
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert [place for place in one["volumes"] if not place.endswith(":ro")] == ["data:/var/lib/tollhouse"]


def test_it_is_killed_later_than_it_stops() -> None:
    assert SERVICES["gateway"]["stop_grace_period"] == environment("gateway")["TOLLHOUSE_TERMINATION_GRACE"]
    given = load_settings({name: text for name, text in environment("gateway").items() if "_GRACE" in name})
    assert given.termination_grace is not None
    assert given.upstream_timeout < given.shutdown_grace < given.termination_grace - 10


@pytest.mark.system
def test_it_runs_as_it_says_and_a_submit_is_governed(tmp_path: Path) -> None:
    """Of each service its own words, on Debian's servers; of the words only names of places and hosts are changed."""
    store, ports = free_port(), [free_port(), free_port()]
    data = tmp_path / "data"
    data.mkdir()
    with running_postgres() as database:
        here = Elsewhere(
            {
                "/var/lib/tollhouse": str(data),
                "/etc/tollhouse/policies": str(ROOT / "policies"),
                "store:6379": f"127.0.0.1:{store}",
                environment("gateway")["TOLLHOUSE_DATABASE_URL"]: database,
            }
        )
        subprocess.run([*PROGRAM, *map(here, SERVICES["secrets"]["command"])], cwd=tmp_path, check=True)
        words = ["redis-server", *SERVICES["store"]["command"][1:], "--port", str(store), "--dir", str(tmp_path)]
        given = {name: here(value) for name, value in environment("gateway").items()}
        given["TOLLHOUSE_LISTEN"], given["TOLLHOUSE_CONTROL_LISTEN"] = (f"127.0.0.1:{port}" for port in ports)
        given["TOLLHOUSE_DATA_DIR"] = str(data)
        out = tmp_path / "out"
        with (
            out.open("wb") as stdout,
            subprocess.Popen(words, stdout=subprocess.DEVNULL) as kept,
        ):
            try:
                until(lambda: _answers(store))
                command = [*PROGRAM, *SERVICES["gateway"]["command"]]
                with subprocess.Popen(command, cwd=tmp_path, env=given, stdout=stdout) as gateway:
                    try:
                        until(lambda: gateway.poll() is not None or out.read_text().endswith("\n\n"))
                        assert gateway.poll() is None
                        _govern(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", data)
                    finally:
                        gateway.terminate()
                        gateway.wait(60)
            finally:
                kept.terminate()
                kept.wait(30)


def _answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def _govern(url: str, control: str, data: Path) -> None:
    """A key from the admin key that was made, a submit with it, its cost on the team's account and in PostgreSQL."""
    admin = (data / "secrets" / "admin-key").read_text().strip()
    status, teams = ask(f"{control}/admin/v1/teams", admin)
    assert status == 200, teams
    team = teams["teams"][0]["team"]
    status, made = ask(f"{control}/admin/v1/keys", admin, {"team": team, "name": "laptop"})
    assert status == 201, made
    status, job = ask(f"{url}/v1/jobs/submit", made["key"], {"model": SLUG, "input": {"prompt": "x"}})
    assert status == 200, job
    until(lambda: _lag(control) == 0)
    limits: dict[str, Any] = ask(f"{url}/tollhouse/v1/me", made["key"])[1]
    assert any(float(row["posted"]) > 0 for row in limits["limits"]), json.dumps(limits)


def _lag(control: str) -> float:
    with urlopen(f"{control}/metrics") as reply:
        lines = reply.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("tollhouse_ledger_lag_seconds "))
