"""What is printed of a broken state mends it: the states are made for real, and the printed command is pasted.

The rule of this file: no command that mends anything is written down here. Each is taken from what was printed, word
for word; filled in is only what stands there in capitals, as `NAME`.
"""

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from gateway.adapters.redis import keys
from tests.cli.serving import Served, ask, serving, until
from tests.cli.test_serve import shared_store, store_of
from tests.cli.warm import run_warm
from tests.store import running_store
from tests.walkthrough.house import SLUG

OTHER = "bytedance-plus/seedream-v4.5/text-to-image"
FILLED_IN = {"TEAM": "demo", "NAME": "ada", "WHY": "the provider says so"}
COMMAND = re.compile(r"\brun(?: [a-z ]+)?: (.+?)(?=[;.](?:\s|$)|$)", re.IGNORECASE | re.MULTILINE)
BROKEN_BY = {
    "durable": "CONFIG SET appendonly no",
    "keeps": "CONFIG SET maxmemory-policy allkeys-lru",
    "room": "CONFIG SET maxmemory 1",
    "primary": "REPLICAOF 127.0.0.1 1",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that needs somebody, as it was printed."""

    check: str
    text: str

    def command(self, word: str = "", **filled_in: str) -> list[str]:
        """The first command with this word in it, as words."""
        found = next(one for one in COMMAND.findall(self.text) if word in one)
        return [{**FILLED_IN, **filled_in}.get(one, one) for one in shlex.split(found)]


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at a terminal with the gateway's settings, who does what is printed there and says yes."""

    root: Path
    settings: dict[str, str]

    def look(self) -> list[Told]:
        """What `tollhouse doctor` prints."""
        done = run_warm(self.root, "doctor", **self.settings)
        _, *told = re.split(r"need(?:s)? somebody:\n", done.stdout)
        assert (done.returncode, done.stdout.endswith("\nAll is well.\n")) == ((1, False) if told else (0, True)), done
        blocks = [block.strip() for block in "".join(told).split("\n\n")]
        return [Told(block.partition(":")[0], block) for block in blocks if block]

    def found(self, *checks: str) -> list[Told]:
        """What the doctor prints, which is about this and nothing else."""
        told = self.look()
        assert [one.check for one in told] == list(checks), told
        return told

    def paste(self, words: list[str]) -> str:
        """Run a command; what it prints."""
        program, *arguments = words
        if program == "tollhouse":
            done = run_warm(self.root, *arguments, **self.settings)
        else:
            done = subprocess.run(words, cwd=self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def operator_of(served: Served, settings: dict[str, str]) -> Operator:
    return Operator(served.root, {**settings, "control_url": served.row("control plane")})


def submitted(served: Served, key: str | None = None) -> int:
    """The status of a submit, whose job has no end while the test lasts."""
    return served.submit(key, sandbox={"pending_seconds": 600})[0]


def admitted(served: Served, key: str | None = None) -> None:
    """A submit goes through, now or after the next look at the store."""
    until(lambda: submitted(served, key) == 200)


def ready(served: Served) -> bool:
    return ask(f"{served.url}/readyz", "")[0] == 200


def test_a_store_that_is_not_what_it_must_be(tmp_path: Path) -> None:
    with serving(tmp_path) as served, store_of(served) as store:
        operator = operator_of(served, {})
        for check, breaks in BROKEN_BY.items():
            store.execute_command(*breaks.split())
            # That this is all that is found tells that the state before is mended.
            [told] = operator.found(check)
            assert submitted(served) == 503
            store.execute_command(*told.command())
            admitted(served)
        operator.found()


def test_a_store_that_lacks_what_it_had(tmp_path: Path) -> None:
    with running_store() as url, serving(tmp_path, **(settings := shared_store(tmp_path, url))) as served:
        operator = operator_of(served, settings)
        assert submitted(served) == 200
        with redis.Redis.from_url(url) as store:
            store.flushall()
            emptied, _ = operator.found("epoch", "keys")
            operator.paste(emptied.command())
            until(lambda: ready(served))

            [keyless] = operator.found("keys")
            assert submitted(served) == 401
            key = operator.paste(keyless.command()).splitlines()[0]
            assert submitted(served, key) == 200
            # What was accepted before is not forgotten.
            assert served.limits(key)["monthly-spend"]["posted"] == "0.700000"

            store.set(keys.policy("newer"), '{"organization.toml": "schema = 2"}')
            store.set(keys.POLICY, "newer")
            until(lambda: not ready(served))
        [kept_out] = operator.found("policies")
        assert submitted(served, key) == 503
        operator.paste(kept_out.command("apply"))
        admitted(served, key)

        for _ in range(3):
            assert served.submit(key, sandbox={"cost_factor": "2", "pending_seconds": 600})[0] == 200
        [closed] = operator.found("prices")
        assert served.submit(key)[1]["error"]["code"] == "PRICE_UNKNOWN"
        operator.paste(closed.command("reopen"))
        assert submitted(served, key) == 200
        operator.found()


def in_doubt(served: Served, model: str, fault: str) -> None:
    """A submit of which nobody knows what became."""
    body = {"model": model, "input": {"sandbox": {fault: True}}}
    status, answer = ask(f"{served.url}/v1/jobs/submit", served.key, body)
    assert status >= 500, answer


def upstream(served: Served, path: str, body: object = None) -> dict[str, Any]:
    """What the upstream tells whoever has its key, past the gateway."""
    status, answer = ask(f"{served.row('upstream')}/v1/{path}", "pb_" + "0" * 32, body)
    assert status == 200, answer
    return dict(answer)


def test_holds_in_doubt_of_which_the_list_leaves_more_than_one_answer(tmp_path: Path) -> None:
    """Two jobs may be the one hold's, and none the other's."""
    with serving(tmp_path, upstream_timeout="1s") as served:
        operator = operator_of(served, {"upstream_timeout": "1s"})
        assert upstream(served, "jobs/submit", {"model": SLUG, "input": {}})["jobId"]
        in_doubt(served, SLUG, "hang")
        in_doubt(served, OTHER, "reset_before")

        listed = Told("", run_warm(tmp_path, "hold", "list", "--in-doubt", **operator.settings).stdout)
        captures = [one for one in COMMAND.findall(listed.text) if "capture" in one and "JOB" not in one]
        assert len(captures) == 2
        operator.paste(listed.command("capture"))

        _, told = operator.found("holds", "holds")
        assert OTHER in told.text
        operator.paste(told.command("void"))
        operator.found()
        spent = served.limits()["monthly-spend"]
        assert (spent["posted"], spent["held"]) == ("0.350000", "0.000000")


def test_a_hold_in_doubt_on_an_account_that_is_not_ours_alone(tmp_path: Path) -> None:
    settings = {"upstream_timeout": "1s", "upstream_exclusive": "false"}
    with serving(tmp_path, **settings) as served:
        operator = operator_of(served, settings)
        in_doubt(served, SLUG, "hang")
        summary, told = operator.found("holds", "holds")
        assert "tollhouse hold capture" in operator.paste(summary.command())
        [job] = upstream(served, "jobs")["jobs"]
        assert job["jobId"] in operator.paste(told.command("capture", JOB=job["jobId"]))
        operator.found()


def test_a_gateway_that_does_not_run(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        witness = tmp_path / ".tollhouse" / "witness.json"
        until(witness.exists)
        assert served.stop() == 0
    operator = Operator(tmp_path, {"control_url": "http://127.0.0.1:9"})

    shutil.rmtree(tmp_path / ".tollhouse" / "store")
    _, lost = operator.found("gateway", "epoch")
    operator.paste(lost.command())

    witness.write_text("{")
    _, unreadable = operator.found("gateway", "witness")
    operator.paste(unreadable.command())

    [stopped] = operator.found("gateway")
    assert stopped.command() == ["tollhouse", "serve"]
    with serving(tmp_path) as served:
        admitted(served)
        operator_of(served, {}).found()
