"""Containers as processes: where on this machine that is which a container knows by other names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Texts that stand for others, each as a whole name: paths, hosts, addresses."""

    places: Mapping[str, str]

    def __call__(self, text: str) -> str:
        names = "|".join(re.escape(name) for name in sorted(self.places, key=len, reverse=True))
        return re.sub(rf"(?:{names})(?![\w-])", lambda found: self.places[found[0]], text)
