"""The table of roles: as the documents have it, and no role more than it needs."""

from pathlib import Path

import pytest

from gateway.core.role import POWERS, Administrator, Power, Role

DOCUMENT = Path(__file__).parents[2] / "docs" / "control-plane.md"
ROLES = (Role.OWNER, Role.OPERATOR, Role.FINANCE, Role.TEAM_LEAD, Role.VIEWER)


def documented() -> dict[tuple[str, str], str]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `") and ":" in line
    ]
    return {
        (row[0].strip("`"), role): cell
        for row in rows
        if len(row) == 6
        for role, cell in zip(ROLES, row[1:], strict=True)
    }


@pytest.mark.parametrize("power", Power)
@pytest.mark.parametrize("role", Role)
def test_the_documents_say_who_may_do_what(role: Role, power: Power) -> None:
    right = "own team" if role is Role.TEAM_LEAD else "yes"
    assert documented()[power, role] == (right if power in POWERS[role] else "")


def test_only_the_owner_makes_administrators() -> None:
    assert [role for role in Role if Power.ADMIN_KEYS in POWERS[role]] == [Role.OWNER]


def test_finance_and_viewers_change_nothing() -> None:
    for role in (Role.FINANCE, Role.VIEWER):
        assert {power.partition(":")[2] for power in POWERS[role]} == {"read"}


def test_a_team_lead_sees_one_team() -> None:
    lead = Administrator("adm_1", "ada", Role.TEAM_LEAD, "video")
    assert lead.sees("video")
    assert not lead.sees("audio")
    assert Administrator("adm_2", "eve", Role.VIEWER).sees("audio")
