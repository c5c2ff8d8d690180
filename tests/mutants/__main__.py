"""`make mutants`: let every mutant live in a copy of the tree, and see its tests fail. Exits 1 if one survives.

`python -m tests.mutants WORD...` runs those whose names have one of the words in them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants.catalogue import ROOT, Mutant, mutants

WORKERS: Final = 2
PATIENCE_S: Final = 300.0
_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".tollhouse")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of some tests came to: which passed, which failed by an assertion, which broke; or only `trouble`."""

    passed: Sequence[str] = ()
    asserted: Sequence[str] = ()
    broke: Sequence[str] = ()
    trouble: str = ""

    @property
    def fine(self) -> bool:
        return bool(self.passed) and not (self.asserted or self.broke or self.trouble)

    def of_mutant(self) -> str:
        """`killed` and by which test, or why not."""
        if self.trouble or self.broke:
            return self.trouble or f"broke instead: {self.broke[0]}"
        return f"killed by {self.asserted[0].partition('::')[2]}" if self.asserted else "SURVIVED"


class Copy:
    """A copy of the tree that mutants live in, one after the other. The tree itself is never touched."""

    def __init__(self, directory: Path) -> None:
        self._root = Path(shutil.copytree(ROOT, directory, ignore=_LEFT_OUT))
        self._changes = 0

    def judge(self, mutant: Mutant) -> str:
        file = self._root / mutant.file
        sound = file.read_text(encoding="utf-8")
        try:
            self._write(file, mutant.applied(sound))
            return self.run(mutant.killed_by).of_mutant()
        except ValueError as error:
            return str(error)
        finally:
            self._write(file, sound)

    def _write(self, file: Path, text: str) -> None:
        """With a time of its own: Python takes a file of the same age and size for the one it compiled before."""
        file.write_text(text, encoding="utf-8")
        self._changes += 1
        os.utime(file, (self._changes, self._changes))

    def run(self, tests: Iterable[str]) -> Verdict:
        """Run these tests, up to the first that fails."""
        told = self._root / "verdict.json"
        told.unlink(missing_ok=True)
        words = ["-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.verdict", "-o", "addopts=", *tests]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment = {**inherited, "VERDICT": str(told), "PYTHONPATH": str(self._root)}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *words],
                cwd=self._root, env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Verdict(trouble="hangs")
        if done.returncode not in (0, 1) or not told.exists():
            return Verdict(trouble=f"pytest ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return Verdict(**json.loads(told.read_text(encoding="utf-8")))


class Copies:
    """As many copies as mutants live at the same time."""

    def __init__(self, directory: Path) -> None:
        self._free: SimpleQueue[Copy] = SimpleQueue()
        for number in range(WORKERS):
            self._free.put(Copy(directory / f"copy-{number}"))

    def judge(self, mutant: Mutant) -> str:
        copy = self._free.get()
        try:
            started = time.monotonic()
            verdict = copy.judge(mutant)
            print(f"{mutant.invariant:>3}  {mutant.name:66} {verdict} ({time.monotonic() - started:.0f} s)", flush=True)
        finally:
            self._free.put(copy)
        return verdict

    def pass_without(self, tests: Sequence[str]) -> bool:
        """Whether these tests pass in the tree as it is."""
        copy = self._free.get()
        try:
            verdict = copy.run(tests)
        finally:
            self._free.put(copy)
        if not verdict.fine:
            print("without any mutant:", *verdict.asserted, *verdict.broke, verdict.trouble, sep="\n  ", flush=True)
        return verdict.fine


def run(words: Sequence[str] = ()) -> bool:
    """Run the mutants with one of the words in their names, all without; whether every one of them was killed."""
    chosen = [mutant for mutant in mutants() if not words or any(word in mutant.name for word in words)]
    tests = sorted({test for mutant in chosen for test in mutant.killed_by})
    # No share may be empty: without a name, pytest runs every test there is.
    shares = [share for number in range(WORKERS) if (share := tests[number::WORKERS])]
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory, ThreadPoolExecutor(WORKERS) as threads:
        copies = Copies(Path(directory))
        sound = threads.map(copies.pass_without, shares)
        verdicts = list(threads.map(copies.judge, chosen))
        alive = sum(not verdict.startswith("killed") for verdict in verdicts)
        print(f"{len(verdicts) - alive} of {len(verdicts)} mutants were killed", flush=True)
        return all(sound) and not alive and bool(chosen)


if __name__ == "__main__":
    sys.exit(0 if run(sys.argv[1:]) else 1)
