"""Running a command of the command line as a process would, against a control plane in this event loop."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from click.testing import CliRunner, Result

from gateway.cli import main
from tests.control import ADMIN_KEY, RunningControl


class Tollhouse:
    """`tollhouse` with an environment that leads to `plane`; `env` besides, where None takes a variable away."""

    def __init__(self, plane: RunningControl | None = None) -> None:
        self._env = {"TOLLHOUSE_CONTROL_URL": plane.url, "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY} if plane else {}

    async def __call__(self, *words: str, env: Mapping[str, str | None] | None = None) -> Result:
        runner = CliRunner(env={**self._env, **(env or {})})
        return await asyncio.to_thread(runner.invoke, main, words, catch_exceptions=False)

    async def document(self, *words: str) -> Any:
        """What `--json` prints: one document, and nothing else."""
        result = await self(*words, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)
