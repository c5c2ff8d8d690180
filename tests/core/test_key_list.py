"""Which keys are wanted, and where a page of them ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.key_list import KeyPlace, KeyStatus, KeysWanted, cursor_of, read_cursor, status_of
from tests.adapters.redis.test_virtual_keys import PLAIN
from tests.doubles import NOON

HOUR = timedelta(hours=1)
LIVE = replace(PLAIN, test=False)
SOON = replace(LIVE, expires_at=NOON + HOUR)
EXPIRED = replace(LIVE, expires_at=NOON)
REVOKED = replace(EXPIRED, revoked_at=NOON)


def test_a_key_that_is_revoked_and_has_expired_is_revoked() -> None:
    assert [status_of(key, NOON) for key in (LIVE, SOON, EXPIRED, REVOKED)] == [
        "active",
        "active",
        "expired",
        "revoked",
    ]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (KeysWanted(), [LIVE, SOON, EXPIRED, REVOKED, PLAIN]),
        (KeysWanted(status=KeyStatus.ACTIVE), [LIVE, SOON, PLAIN]),
        (KeysWanted(status=KeyStatus.REVOKED), [REVOKED]),
        (KeysWanted(expires_by=NOON + HOUR), [SOON]),
        (KeysWanted(expires_by=NOON + HOUR / 2), []),
        (KeysWanted(expires_by=NOON + HOUR, status=KeyStatus.EXPIRED), []),
        (KeysWanted(test=True), [PLAIN]),
        (KeysWanted(test=False), [LIVE, SOON, EXPIRED, REVOKED]),
        (KeysWanted(project="P-1"), []),
    ],
)
def test_a_key_is_all_of_what_is_wanted(wanted: KeysWanted, taken: list[object]) -> None:
    assert [key for key in (LIVE, SOON, EXPIRED, REVOKED, PLAIN) if wanted.takes(key, NOON)] == taken
    assert wanted.plain == (len(taken) == 5)


@given(st.integers(0, 2**53 - 1), st.from_regex(r"key_[0-9A-Za-z]{1,20}", fullmatch=True))
def test_a_cursor_leads_back_to_its_place(created_us: int, key_id: str) -> None:
    place = KeyPlace(created_us, key_id)
    assert read_cursor(cursor_of(place)) == place


@pytest.mark.parametrize("text", ["", "x", "bnVsbA==", "WzEsMl0=", "W10="])
def test_what_no_page_named_is_no_cursor(text: str) -> None:
    assert read_cursor(text) is None
