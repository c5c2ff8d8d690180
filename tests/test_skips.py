"""That a skip fails the run, in whatever way it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEGINS = "import pytest\nimport unittest\n"
ASKED_FOR = {
    "a call": "def test_it():\n    getattr(pytest, 'sk' 'ip')('no server')\n",
    "a mark": "@getattr(pytest.mark, 'sk' 'ip')\ndef test_it():\n    pass\n",
    "an exception": "def test_it():\n    raise getattr(unittest, 'Sk' 'ipTest')('no server')\n",
    "a module that is missing": "getattr(pytest, 'import' 'orskip')('no_such_module')\ndef test_it():\n    pass\n",
    "an expected failure": "@getattr(pytest.mark, 'x' 'fail')\ndef test_it():\n    assert False\n",
}


@pytest.mark.parametrize("asked_for", ASKED_FOR.values(), ids=ASKED_FOR.keys())
def test_a_skip_fails(tmp_path: Path, asked_for: str) -> None:
    file = tmp_path / "test_skipping.py"
    file.write_text(BEGINS + asked_for)
    words = ["-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(file)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0, done.stdout
    assert "which hides what is missing" in done.stdout, done.stdout
