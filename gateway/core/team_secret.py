"""The secret by which a team knows that a webhook is from us.

The rule of this file: the secret itself is never stored. It derives from a pepper, the team and a count of rotations;
the store keeps only which pepper and which count, so whoever reads the store can sign nothing.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.key_secret import Peppers

_PURPOSE: Final = "tollhouse: the webhook secret of a team"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """Which secret a team has: the how many-th, under which pepper, since when (UTC)."""

    rotation: int
    pepper: int
    since: datetime


def first(peppers: Peppers, now: datetime) -> SecretVersion:
    """The secret of a team that has had none."""
    return SecretVersion(1, peppers.current, now)


def rotated(version: SecretVersion | None, peppers: Peppers, now: datetime) -> SecretVersion:
    """The next secret, under the current pepper."""
    return SecretVersion(1 if version is None else version.rotation + 1, peppers.current, now)


def team_secret(team: str, version: SecretVersion, peppers: Peppers) -> str | None:
    """The secret; None when the pepper it derives from is not among ours any more."""
    pepper = peppers.versions.get(version.pepper)
    if pepper is None:
        return None
    said = f"{_PURPOSE}\n{version.rotation}\n{team}"
    return "whsec_" + hmac.digest(pepper, said.encode(), "sha256").hex()
