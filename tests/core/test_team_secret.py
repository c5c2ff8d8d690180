"""Secrets of teams: each its own, one after each rotation, and none that the store could tell."""

from dataclasses import astuple
from datetime import UTC, datetime

from gateway.core.key_secret import Peppers
from gateway.core.team_secret import SecretVersion, first, rotated, team_secret

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PEPPERS = Peppers(1, {1: b"pepper"})
LATER = Peppers(2, {1: b"pepper", 2: b"another"})


def test_every_team_and_every_rotation_has_a_secret_of_its_own() -> None:
    begun = first(PEPPERS, NOW)
    versions = [begun, rotated(begun, PEPPERS, NOW), rotated(begun, LATER, NOW)]
    secrets = [
        team_secret(team, version, LATER) for team in ("video", "audio", "vide", "1\nvideo") for version in versions
    ]
    assert None not in secrets
    assert len(set(secrets)) == len(secrets)
    assert all(secret and secret.startswith("whsec_") and len(secret) == 70 for secret in secrets)


def test_the_same_version_is_the_same_secret_whatever_pepper_is_current() -> None:
    version = first(PEPPERS, NOW)
    assert team_secret("video", version, PEPPERS) == team_secret("video", version, LATER)
    assert team_secret("video", version, Peppers(2, {2: b"another"})) is None


def test_what_is_stored_is_a_count_a_pepper_s_number_and_a_date() -> None:
    assert astuple(rotated(None, LATER, NOW)) == (1, 2, NOW)
    assert astuple(rotated(SecretVersion(4, 1, NOW), LATER, NOW)) == (5, 2, NOW)
