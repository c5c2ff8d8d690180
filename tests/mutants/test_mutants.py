"""The mutants themselves: that they are what they say, and that a test which knows a promise notices each of them."""

import ast
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.__main__ import Copies, Verdict, run
from tests.mutants.catalogue import ROOT, Mutant, mutants

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_text_stands_there_once_and_its_tests_exist(mutant: Mutant) -> None:
    mistaken = mutant.applied((ROOT / mutant.file).read_text(encoding="utf-8"))
    if mutant.file.endswith(".py"):
        ast.parse(mistaken)
    assert mutant.killed_by
    for test in mutant.killed_by:
        file, *names = test.split("::")
        assert names, "name the test, so that its whole file need not run"
        assert defines(ROOT / file, names), f"there is no {test}"


def defines(file: Path, names: list[str]) -> bool:
    """Whether a test file has this function, or this class with this method."""
    body: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    for name in names:
        named = [node for node in body if getattr(node, "name", None) == name]
        if len(named) != 1:
            return False
        body = getattr(named[0], "body", [])
    return True


def test_every_invariant_that_holds_has_mutants_and_no_two_have_one_name() -> None:
    assert {mutant.invariant for mutant in MUTANTS} == set(range(1, 17))
    assert [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1] == []


def test_the_guarantees_name_every_mutant_under_its_invariant_and_tests_that_exist() -> None:
    text = " ".join((ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8").split())
    chapters = {int(number): rest for number, rest in re.findall(r"## (\d+)\. (.*?)(?=## \d|$)", text)}
    for number, chapter in chapters.items():
        named = set(re.findall(r'"([^"]+)"', chapter.partition("- Mutants: ")[2]))
        assert named == {mutant.name for mutant in MUTANTS if mutant.invariant == number}, number
        for test in re.findall(r"`(tests/[^`]+)`", chapter):
            file, *names = test.split("::")
            assert defines(ROOT / file, names), f"there is no {test}"
    assert chapters.keys() == {mutant.invariant for mutant in MUTANTS}


def test_only_a_failed_assertion_kills() -> None:
    assert Verdict(passed=["a"], asserted=["f.py::b"]).of_mutant() == "killed by b"
    assert Verdict(passed=["a"]).of_mutant() == "SURVIVED"
    assert Verdict(asserted=["f.py::b"], broke=["c: KeyError: 1"]).of_mutant() == "broke instead: c: KeyError: 1"
    assert Verdict(trouble="hangs").of_mutant() == "hangs"
    assert not Verdict().fine


def test_a_text_that_is_not_there_once_is_no_mutant() -> None:
    mutant = Mutant("m", 1, "f.py", "a", "b", ())
    assert mutant.applied("cat") == "cbt"
    for text in ("dog", "aa"):
        with pytest.raises(ValueError, match="its text stands"):
            mutant.applied(text)


@pytest.mark.long
def test_what_is_no_mistake_survives_and_what_breaks_everything_kills_nothing(tmp_path: Path) -> None:
    mistake = next(mutant for mutant in MUTANTS if mutant.file == "gateway/core/strict_json.py")
    copies = Copies(tmp_path)
    assert copies.judge(replace(mistake, replace=f"{mistake.find}  # the same")) == "SURVIVED"
    assert copies.judge(replace(mistake, replace="if syntax is broken:::")).startswith("pytest ended with ")
    assert copies.judge(replace(mistake, replace="if undefined:")).startswith("broke instead: ")
    assert copies.judge(mistake).startswith("killed by ")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_mutant_is_killed() -> None:
    assert run()
