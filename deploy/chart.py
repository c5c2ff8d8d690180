"""What the Helm chart repeats from elsewhere: `python -m deploy.chart` writes it, and a test sees that it was.

`values.yaml` is the source: its comments make the table of `helm/README.md`, its types and comments
`values.schema.json`. `config` takes what a settings file takes, but for what the chart decides. Rules, dashboards
and prices are copied, because a chart cannot reach outside of itself.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "helm"
COPIED: Final = {
    "deploy/prometheus/rules.yaml": "prometheus",
    "deploy/grafana/*.json": "grafana",
    "policies/prices/*.toml": "prices",
}

Schema: TypeAlias = dict[str, Any]

_BEGIN: Final = "<!-- values: written by `make chart` -->\n"
_END: Final = "<!-- end of values -->\n"
# Settings that the chart decides itself, or that it has a place of its own for.
_DECIDED: Final = re.compile(
    "pixelbyte_api_key|listen|control_listen|control_url|data_dir|policies|store_init|termination_grace|workers"
    "|pepper|admin_key|redis_url|database_url|upstream_webhook_secret|.*_file"
)
_TEXTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
_OBJECTS: Final[Schema] = {"type": "array", "items": {"type": "object"}}
_AMOUNTS: Final[Schema] = {
    "additionalProperties": False,
    "properties": {name: {"type": ["string", "integer"]} for name in ("cpu", "memory", "ephemeral-storage")},
}
# What a value may be, where its default does not tell.
_MORE: Final[Mapping[str, Schema]] = {
    "image.digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.pullSecrets": {"items": {"type": "string"}},
    "replicas": {"minimum": 0},
    "terminationGracePeriodSeconds": {"minimum": 1},
    "persistence.accessModes": {"items": {"enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]}},
    "persistence.whenScaled": {"enum": ["Retain", "Delete"]},
    "policies.files": {
        "propertyNames": {"pattern": r"^(organization\.toml|(teams|prices)/[a-z0-9-]+\.toml)$"},
        "additionalProperties": {"type": "string"},
    },
    "policies.items": {
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["key", "path"],
            "properties": {"key": {"type": "string"}, "path": {"type": "string"}},
        }
    },
    "policies.removeTeams": {"items": {"type": "string"}},
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "service.annotations": _TEXTS,
    "controlService.annotations": _TEXTS,
    "ingress.annotations": _TEXTS,
    "ingress.hosts": {"items": {"type": "string", "minLength": 1}},
    "ingress.tls": {
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"secretName": {"type": "string"}, "hosts": {"type": "array", "items": {"type": "string"}}},
        }
    },
    "autoscaling.minReplicas": {"minimum": 1},
    "autoscaling.targetCPUUtilizationPercentage": {"minimum": 1},
    "podDisruptionBudget.maxUnavailable": {"type": ["integer", "string"]},
    "topologySpreadConstraints": _OBJECTS,
    "networkPolicy.controlFrom": _OBJECTS,
    "networkPolicy.storePorts": {"items": {"type": "integer"}},
    "metrics.serviceMonitor.interval": {"pattern": "^[0-9]+(ms|s|m)$"},
    "metrics.serviceMonitor.labels": _TEXTS,
    "metrics.prometheusRule.labels": _TEXTS,
    "metrics.prometheusRule.limitNear": {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "metrics.prometheusRule.burnFloorUsd": {"type": "number", "minimum": 0},
    "metrics.dashboards.labels": {"additionalProperties": {"type": "string"}},
    "serviceAccount.annotations": _TEXTS,
    "podAnnotations": _TEXTS,
    "podLabels": _TEXTS,
    "resources.requests": _AMOUNTS,
    "resources.limits": _AMOUNTS,
    "nodeSelector": _TEXTS,
    "tolerations": _OBJECTS,
    "affinity": {"additionalProperties": {"type": "object"}},
    "extraEnv": _OBJECTS,
    "extraVolumes": _OBJECTS,
    "extraVolumeMounts": _OBJECTS,
}
_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Value:
    """One leaf of `values.yaml`: its path with dots, its default, and what its comment says."""

    path: str
    default: Any
    about: str


def values(text: str) -> Iterator[Value]:
    """Every leaf that has a comment of its own, in its order."""
    document = yaml.safe_load(text)
    trail: list[tuple[int, str]] = []
    about: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            about = [stripped.removeprefix("# -- ")]
        elif found := re.match(r"^( *)([\w-]+):", line):
            indent = len(found[1])
            trail = [*(one for one in trail if one[0] < indent), (indent, found[2])]
            default = document
            for _, name in trail:
                default = default[name]
            if about:
                yield Value(".".join(name for _, name in trail), default, " ".join(about))
            about = []


def table(text: str) -> str:
    """The values as Markdown."""
    rows = [f"| `{one.path}` | `{json.dumps(one.default)}` | {one.about} |" for one in values(text) if _is_leaf(one)]
    return "\n".join(["| Value | Default | |", "| --- | --- | --- |", *rows]) + "\n"


def schema(text: str, settings: Schema) -> Schema:
    """JSON Schema (draft-07, which Helm reads) of the values: no key that is not known, at any level."""
    about = {one.path: one.about for one in values(text)}
    found = _schema("", yaml.safe_load(text), about)
    known = {
        name: {key: value for key, value in one.items() if key not in ("title", "default")}
        for name, one in _for_helm(settings)["properties"].items()
        if not _DECIDED.fullmatch(name)
    }
    found["properties"]["config"]["properties"] |= known
    # What a chart that has this one as a part passes on.
    found["properties"]["global"] = {"type": "object"}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of Tollhouse's chart", **found}


def _for_helm(settings: Schema) -> Schema:
    """Helm's regular expressions do not look ahead: what is not zero is said by its digits."""
    text = json.dumps(settings).replace("^(?=.*[1-9])[0-9]+", "^0*[1-9][0-9]*")
    document: Schema = json.loads(text)
    return document


def readme(before: str, text: str) -> str:
    """The README with the table as it is now."""
    head, _, rest = before.partition(_BEGIN)
    return head + _BEGIN + table(text) + _END + rest.partition(_END)[2]


def copies() -> Iterator[tuple[Path, Path]]:
    """What is copied into the chart, and where to."""
    for pattern, folder in COPIED.items():
        for source in sorted(ROOT.glob(pattern)):
            yield source, CHART / "files" / folder / source.name


def main() -> None:
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    settings = json.loads((ROOT / "docs" / "schema" / "settings.json").read_text(encoding="utf-8"))
    made = json.dumps(schema(text, settings), indent=2) + "\n"
    (CHART / "values.schema.json").write_text(made, encoding="utf-8")
    page = CHART / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    for source, copy in copies():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def _is_leaf(one: Value) -> bool:
    return not isinstance(one.default, dict) or not one.default


def _schema(path: str, value: Any, about: Mapping[str, str]) -> Schema:
    found: Schema = {"type": _TYPES[type(value)]}
    if path in about:
        found["description"] = about[path]
    if isinstance(value, dict) and (value or path not in _MORE):
        inside = {name: _schema(f"{path}.{name}".lstrip("."), one, about) for name, one in value.items()}
        found |= {"additionalProperties": False, "properties": inside}
    more = _MORE.get(path, {})
    inside = {**more.get("properties", {}), **found.get("properties", {})}
    return {**found, **more, **({"properties": inside} if inside else {})}


if __name__ == "__main__":
    main()
