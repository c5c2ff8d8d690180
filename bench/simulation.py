"""How long `tollhouse policy simulate` takes over a long history: `python -m bench.simulation`.

What is made up before, and read from disk by nobody else, is not in the figures: they are of the command as it is run.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.history import write_history
from gateway.adapters.policy_files import load
from gateway.adapters.sql.engine import sqlite_url
from gateway.core.plan import Rules

_ORGANIZATION: Final = """\
schema = 1
organization = "acme"
zone = "Europe/Berlin"

[[limit]]
name = "all"
meter = "usd"
window = "month"
ceiling = "1000000.00"
"""
_TEAM: Final = """\
schema = 1
team = "{name}"

[[limit]]
name = "monthly"
meter = "usd"
window = "month"
ceiling = "{ceiling}"

[[limit]]
name = "jobs"
meter = "jobs"
window = "day"
ceiling = 80

[[limit]]
name = "at-once"
meter = "in_flight"
ceiling = 10

[[limit]]
name = "key-day"
meter = "usd"
window = "day"
ceiling = "60.00"
per = "key"
"""
_PRICES: Final = Path(__file__).parents[1] / "policies" / "prices"


def write_policies(root: Path, teams: int, ceiling: str) -> Rules:
    """Teams with four limits each, below one of the organization, and the shipped prices."""
    files = {"organization.toml": _ORGANIZATION}
    files |= {f"prices/{path.name}": path.read_text(encoding="utf-8") for path in _PRICES.glob("*.toml")}
    for number in range(teams):
        files[f"teams/team-{number}.toml"] = _TEAM.format(name=f"team-{number}", ceiling=ceiling)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    rules = load(files)
    assert isinstance(rules, Rules), rules
    return rules


def main() -> None:
    """Make the history, run the command, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=100_000)
    parser.add_argument("--teams", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        live = write_policies(root / "live", arguments.teams, "1500.00")
        write_policies(root / "proposed", arguments.teams, "750.00")
        url = sqlite_url(root / "ledger.db")
        asyncio.run(write_history(url, live, arguments.submissions))
        began = time.monotonic()
        words = ("--since", "2026-11-01", "--until", "2026-12-02", "--baseline", str(root / "live"), "--json")
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "policy", "simulate", *words, str(root / "proposed")],
            env={"TOLLHOUSE_DATABASE_URL": url}, capture_output=True, check=True, text=True,
        )  # fmt: skip
        took = time.monotonic() - began
    document, used = json.loads(done.stdout), resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = document["recorded"]["rows"]
    print(f"{arguments.submissions} submissions of {arguments.teams} teams, {rows} rows, two sets of policies")
    print(f"{took:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, {rows / took:.0f} rows/s")
    print(f"at most {used.ru_maxrss // 1024} MiB; {document['changed']}")


if __name__ == "__main__":
    main()
