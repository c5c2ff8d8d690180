"""What `compose.yaml` says, for tests that run it without an engine: services as processes, volumes as folders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.rigs.provider import ROOT

SERVICES: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where on this machine that is which a container knows by other names: texts that stand for others."""

    places: Sequence[tuple[str, str]]

    def __call__(self, text: str) -> str:
        for named, here in self.places:
            text = re.sub(rf"{re.escape(named)}(?![\w-])", here, text)
        return text


def environment(service: str) -> dict[str, str]:
    return dict(SERVICES[service].get("environment", {}))
