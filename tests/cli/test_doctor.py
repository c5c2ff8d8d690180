"""`tollhouse doctor` as an operator meets it: exit 0 when all is well, 1 and a next step when it is not."""

import json
import os
import signal
from pathlib import Path

from tests.cli.serving import serving, until
from tests.cli.test_serve import store_of
from tests.cli.warm import run_warm


def test_all_is_well_and_then_it_is_not(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        control = {"control_url": served.row("control plane")}
        done = run_warm(tmp_path, "doctor", **control)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("\nAll is well.\n")
        assert 'The store serves "' in done.stdout

        with store_of(served) as client:
            client.config_set("appendonly", "no")
        done = run_warm(tmp_path, "doctor", **control)
        assert done.returncode == 1
        assert "1 thing needs somebody:" in done.stdout
        assert "durable: The store writes no append-only file" in done.stdout
        assert "CONFIG SET appendonly yes" in done.stdout

        done = run_warm(tmp_path, "doctor", "--json", **control)
        assert done.returncode == 1
        document = json.loads(done.stdout)
        assert [finding["check"] for finding in document["findings"]] == ["durable"]
        assert served.key not in done.stdout
        with store_of(served) as client:
            client.config_set("appendonly", "yes")
        assert run_warm(tmp_path, "doctor", **control).returncode == 0


def test_a_store_that_hangs_is_said_to(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        with store_of(served) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            done = run_warm(tmp_path, "doctor", control_url=served.row("control plane"))
        finally:
            os.kill(pid, signal.SIGCONT)
        assert done.returncode == 1
        assert "store: The store does not answer, or refuses: " in done.stdout
        assert "restart it if it hangs" in done.stdout
        until(lambda: run_warm(tmp_path, "doctor", control_url=served.row("control plane")).returncode == 0)


def test_nobody_answers(tmp_path: Path) -> None:
    done = run_warm(tmp_path, "doctor")
    assert done.returncode == 1
    assert "gateway: No admin key: " in done.stdout
    with serving(tmp_path) as served:
        until((tmp_path / ".tollhouse" / "witness.json").exists)
        assert served.stop() == 0
    done = run_warm(tmp_path, "doctor", control_url="http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (1, "")
    assert "gateway: The control plane at http://127.0.0.1:9 does not answer (ClientConnectorError)." in done.stdout
    assert "It remembers a store in epoch " in done.stdout
    document = json.loads(run_warm(tmp_path, "doctor", "--json", control_url="http://127.0.0.1:9").stdout)
    assert document["well"] is False
    assert document["figures"] is None


def test_a_key_that_is_not_the_gateways(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        wrong = "toll_admin_" + "0" * 36
        done = run_warm(tmp_path, "doctor", control_url=served.row("control plane"), admin_key=wrong)
        assert done.returncode == 4
