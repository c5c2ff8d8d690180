"""The policies that the benchmark's gateways obey: texts, with as many teams and limits as are asked for."""

import shutil
from pathlib import Path
from typing import Final

ORGANIZATION: Final = """
schema = 1
organization = "bench"
zone = "UTC"
[[limit]]
name = "organization-month"
meter = "usd"
window = "month"
ceiling = "1000000000.00"
"""
# With the organization's, five limits; and a rate.
_TEAM: Final = """
schema = 1
team = "{team}"
[[limit]]
name = "month"
meter = "usd"
window = "month"
ceiling = "1000000000.00"
[[limit]]
name = "jobs"
meter = "jobs"
window = "day"
ceiling = 1000000000
[[limit]]
name = "at-once"
meter = "in_flight"
ceiling = 1000000000
[[limit]]
name = "each-key"
meter = "usd"
window = "day"
per = "key"
ceiling = "1000000000.00"
[[rate]]
name = "submits"
per = "key"
requests = 1000000
window = "second"
burst = 1000000
"""
_ONE_MORE: Final = """
[[limit]]
name = "month-{number}"
meter = "usd"
window = "month"
ceiling = "1000000000.00"
"""
LIMITS: Final = 5


def team_name(number: int) -> str:
    return "bench" if number == 0 else f"bench-{number}"


def team_policy(team: str, limits: int = LIMITS) -> str:
    """A team's file, such that its jobs meet `limits` limits, at least five."""
    more = (_ONE_MORE.format(number=number) for number in range(LIMITS, limits))
    return _TEAM.format(team=team) + "".join(more)


def write_policies(directory: Path, teams: int, limits: int) -> None:
    """A directory of policies for teams that have `limits` limits each, with the prices of the checkout."""
    (directory / "teams").mkdir(parents=True)
    (directory / "organization.toml").write_text(ORGANIZATION)
    for number in range(teams):
        team = team_name(number)
        (directory / "teams" / f"{team}.toml").write_text(team_policy(team, limits))
    shutil.copytree("policies/prices", directory / "prices")
