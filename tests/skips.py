"""A pytest plugin: a skip is a failure, whoever skips. What a test needs is installed, or its absence is told."""

from collections.abc import Generator
from typing import Any

import pytest


def _failed(report: Any) -> Any:
    if report.outcome == "skipped":
        # Else pytest counts no failure that was expected.
        vars(report).pop("wasxfail", None)
        report.outcome, report.longrepr = "failed", f"skipped, which hides what is missing: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _failed((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _failed((yield))
