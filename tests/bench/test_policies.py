"""The policies of the benchmark say what its table claims: five limits and a rate for every job."""

from pathlib import Path

import pytest

from bench.policies import team_name, write_policies
from gateway.adapters.policy_files import load, read_directory
from gateway.core.plan import Rules


@pytest.mark.parametrize(("teams", "limits"), [(1, 5), (3, 5), (1, 50)])
def test_every_team_meets_so_many_limits_and_one_rate(tmp_path: Path, teams: int, limits: int) -> None:
    write_policies(tmp_path / "policies", teams, limits)
    found = read_directory(tmp_path / "policies")
    rules = load(found.files, found.complaints)
    assert isinstance(rules, Rules), rules
    names = [team_name(number) for number in range(teams)]
    assert sorted(rules.policies.teams) == sorted(names)
    assert [len(rules.policies.limits(name)) for name in names] == [limits] * teams
    assert [len(rules.policies.rates(name)) for name in names] == [1] * teams
