"""What a release is pinned to: all that the program asks for, in the versions that it takes."""

import re
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__
from tests.rigs.provider import ROOT

TEXT = (ROOT / "requirements.txt").read_text(encoding="utf-8")
_LINES = [Requirement(line.rstrip(" \\")) for line in TEXT.splitlines() if re.match(r"[\w.-]+==", line)]
LOCKED = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in _LINES}
# Those that this Python on this system needs.
NEEDED = {canonicalize_name(one.name) for one in _LINES if one.marker is None or one.marker.evaluate()}


def test_every_dependency_is_pinned_within_its_range() -> None:
    asked = [Requirement(text) for text in requires("tollhouse") or ()]
    ours = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert len(ours) > 10
    for one in ours:
        assert LOCKED[canonicalize_name(one.name)] in one.specifier, one


def test_every_file_is_known_by_its_hash_and_comes_from_nowhere_in_particular() -> None:
    for part in re.split(r"^(?=\w)", TEXT, flags=re.MULTILINE)[1:]:
        assert part.count("--hash=sha256:") > 0, part
    assert "://" not in TEXT


def test_the_version_has_a_place_in_the_changes() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(__version__)} \((unreleased|\d{{4}}-\d\d-\d\d)\)$", changes, re.MULTILINE)
