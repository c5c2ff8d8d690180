"""What an admin key may be, and when it opens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.admin_key import AdminKey, AdminTerms, objection
from gateway.core.role import Role

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = AdminKey("adm_1", "ada", Role.OPERATOR, None, "d", 1, "abcd", NOW, None, None, 1)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (AdminTerms("ada", Role.OPERATOR, None, None), None),
        (AdminTerms("ada", Role.TEAM_LEAD, "video", NOW + timedelta(seconds=1)), None),
        (AdminTerms(" ", Role.OPERATOR, None, None), "name"),
        (AdminTerms("a\nb", Role.OPERATOR, None, None), "name"),
        (AdminTerms("a" * 101, Role.OPERATOR, None, None), "name"),
        (AdminTerms("ada", Role.TEAM_LEAD, None, None), "team"),
        (AdminTerms("ada", Role.VIEWER, "video", None), "team"),
        (AdminTerms("ada", Role.OPERATOR, None, NOW), "expires_at"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(terms: AdminTerms, field: str | None) -> None:
    wrong = objection(terms, NOW)
    assert (None if wrong is None else wrong.field) == field


def test_it_opens_until_it_expires_or_is_revoked() -> None:
    assert KEY.opens(NOW)
    expiring = replace(KEY, expires_at=NOW)
    assert expiring.opens(NOW - timedelta(microseconds=1))
    assert not expiring.opens(NOW)
    assert not replace(KEY, revoked_at=NOW).opens(NOW)


def test_its_digest_is_not_shown() -> None:
    assert "digest" not in repr(KEY)
