"""The process's environment, read here and nowhere else."""

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    return os.environ
