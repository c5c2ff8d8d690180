import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

import gateway
from gateway.cli.sandbox import sandbox
from gateway.sandbox.faults import NAMES

ROOT = Path(gateway.__file__).parents[1]
PROGRAM = [sys.executable, "-c", "from gateway.cli.sandbox import sandbox; sandbox()"]


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The command as a process of its own, and what it printed."""
    with subprocess.Popen(
        [*PROGRAM, "--port", "0", "--json", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        try:
            yield it, json.loads(it.stdout.readline())
        finally:
            it.kill()


def submit(printed: dict[str, str], **given: object) -> dict[str, object]:
    body = json.dumps({"model": "kling/kling-2.6-pro/text-to-video", "input": given}).encode()
    request = urllib.request.Request(
        f"{printed['url']}/v1/jobs/submit", body, {"Authorization": f"Bearer {printed['key']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return dict(json.load(reply))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_sells_until_it_is_interrupted(how: signal.Signals) -> None:
    with running("--discount-percent", "20", "--cost-factor", "1.5", "--wrapped") as (process, printed):
        data = submit(printed, duration=10)["data"]
        assert isinstance(data, dict)
        assert data["costMicroCents"] == 840_000
        process.send_signal(how)
        assert process.wait(10) == 0


def test_only_the_keys_it_was_given_work() -> None:
    with running("--key", "pb_mine") as (_, printed):
        assert printed["key"] == "pb_mine"
        assert submit(printed)["costMicroCents"] == 350_000
        with pytest.raises(urllib.error.HTTPError, match="401"):
            submit(printed | {"key": "pb_other"})


def test_a_taken_port_ends_it_with_one_sentence() -> None:
    with running() as (_, printed):
        port = printed["url"].rpartition(":")[2]
        second = subprocess.run([*PROGRAM, "--port", port], cwd=ROOT, capture_output=True, text=True, timeout=30)
        assert second.returncode == 1
        assert second.stderr.startswith("Error: ")
        assert len(second.stderr.splitlines()) == 1


@pytest.mark.parametrize("options", [["--status", "abc"], ["--latency-ms", "-1"], ["--discount-percent", "101"]])
def test_a_wrong_value_is_a_usage_error(options: list[str]) -> None:
    assert CliRunner().invoke(sandbox, options).exit_code == 2


def test_every_fault_has_an_option_with_help() -> None:
    options = {each.name: getattr(each, "help", None) for each in sandbox.params}
    assert all(options[name] for name in NAMES)
