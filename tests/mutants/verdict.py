"""A pytest plugin that writes down why tests failed: by an assertion, or because something broke.

`VERDICT` names the file. Only a failed assertion shows that a test knows the promise.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_PASSED: list[str] = []
_ASSERTED: list[str] = []
_BROKE: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.excinfo is None:
        if call.when == "call":
            _PASSED.append(item.nodeid)
    elif asserts(call.excinfo.value):
        _ASSERTED.append(item.nodeid)
    else:
        _BROKE.append(f"{item.nodeid}: {call.excinfo.typename}: {call.excinfo.value}")
    return report


def pytest_sessionfinish() -> None:
    told = {"passed": _PASSED, "asserted": _ASSERTED, "broke": _BROKE}
    Path(os.environ["VERDICT"]).write_text(json.dumps(told), encoding="utf-8")


def asserts(error: BaseException) -> bool:
    """Whether this is a failed assertion, an expected exception that did not come, or a group with one of them."""
    if isinstance(error, BaseExceptionGroup):
        return any(asserts(inner) for inner in error.exceptions)
    return isinstance(error, AssertionError | pytest.fail.Exception)
