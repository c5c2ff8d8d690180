"""What Helm makes of the chart: sound for Kubernetes, changed by every value, and refused where it should be."""

import copy
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from tests.deploy.helm.chart import CHART, GIVEN, Helm, Manifest, Refused, leaves, named

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("helm")]

VALUES: Final[dict[str, Any]] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
CANARY: Final = "hunter2"
FILES: Final = {"organization.toml": "schema = 1\n", "teams/video.toml": 'team = "video"\n'}
INLINE: Final[Mapping[str, Any]] = {
    "secrets": {"values": {name: f"{CANARY}-{name}" for name in VALUES["secrets"]["values"]}},
    "config": {"public_url": "https://toll.example.com"},
}
EMBEDDED: Final[Mapping[str, Any]] = {**GIVEN, "embeddedStore": {"enabled": True}, "replicas": 1, "sandbox": True}
WHOLE: Final[Mapping[str, Any]] = {
    **GIVEN,
    "image": {"pullSecrets": ["registry"]},
    "config": {"public_url": "https://toll.example.com", "trusted_proxies": ["10.0.0.0/8"]},
    "policies": {"files": FILES, "removeTeams": ["audio"]},
    "ingress": {"enabled": True, "hosts": ["toll.example.com"], "className": "nginx"},
    "autoscaling": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "metrics": {
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
    },
}
MAPPED: Final[Mapping[str, Any]] = {
    **GIVEN,
    "policies": {"existingConfigMap": "mine", "items": [{"key": "o", "path": "organization.toml"}]},
}
SETS: Final = {
    "plain": GIVEN,
    "inline": INLINE,
    "embedded": EMBEDDED,
    "whole": WHOLE,
    "mapped": MAPPED,
    "fleeting": {**GIVEN, "persistence": {"enabled": False}},
}
KUBERNETES: Final = ("1.27", "1.31", "1.37")

# For each leaf of the values: among which others it does something, and another value.
CHANGES: Final[Mapping[str, tuple[Mapping[str, Any], Any]]] = {
    "fullnameOverride": (GIVEN, "other"),
    "image.repository": (GIVEN, "mirror/tollhouse"),
    "image.tag": (GIVEN, "9.9.9"),
    "image.digest": (GIVEN, "sha256:" + "0" * 64),
    "image.pullPolicy": (GIVEN, "Always"),
    "image.pullSecrets": (GIVEN, ["other"]),
    "replicas": (GIVEN, 5),
    "sandbox": (GIVEN, True),
    "config.upstream_timeout": (GIVEN, "20s"),
    "config.shutdown_delay": (GIVEN, "11s"),
    "config.shutdown_grace": (GIVEN, "44s"),
    "config.log_format": (GIVEN, "text"),
    "terminationGracePeriodSeconds": (GIVEN, 90),
    "secrets.existingSecret": (GIVEN, "another"),
    **{f"secrets.keys.{name}": (INLINE, "other-key") for name in VALUES["secrets"]["keys"]},
    **{f"secrets.values.{name}": (INLINE, "other value") for name in VALUES["secrets"]["values"]},
    "embeddedStore.enabled": ({**GIVEN, "replicas": 1}, True),
    "persistence.enabled": (GIVEN, False),
    "persistence.size": (GIVEN, "9Gi"),
    "persistence.storageClassName": (GIVEN, "fast"),
    "persistence.accessModes": (GIVEN, ["ReadWriteOncePod"]),
    "persistence.whenScaled": (GIVEN, "Delete"),
    "policies.files": (WHOLE, {**FILES, "teams/audio.toml": "\n"}),
    "policies.existingConfigMap": (MAPPED, "yours"),
    "policies.items": (MAPPED, [{"key": "p", "path": "organization.toml"}]),
    "policies.apply": (WHOLE, False),
    "policies.removeTeams": (WHOLE, ["other"]),
    "storeInit.enabled": (GIVEN, False),
    "service.type": (GIVEN, "LoadBalancer"),
    "service.port": (GIVEN, 8000),
    "service.annotations": (GIVEN, {"a": "b"}),
    "controlService.port": (GIVEN, 9000),
    "controlService.annotations": (GIVEN, {"a": "b"}),
    "ingress.enabled": (WHOLE, False),
    "ingress.className": (WHOLE, "other"),
    "ingress.annotations": (WHOLE, {"a": "b"}),
    "ingress.hosts": (WHOLE, ["other.example.com"]),
    "ingress.tls": (WHOLE, [{"secretName": "tls", "hosts": ["toll.example.com"]}]),
    "autoscaling.enabled": (GIVEN, True),
    "autoscaling.minReplicas": (WHOLE, 3),
    "autoscaling.maxReplicas": (WHOLE, 9),
    "autoscaling.targetCPUUtilizationPercentage": (WHOLE, 50),
    "podDisruptionBudget.enabled": (GIVEN, False),
    "podDisruptionBudget.maxUnavailable": (GIVEN, "50%"),
    "topologySpreadConstraints": (
        GIVEN,
        [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}],
    ),
    "networkPolicy.enabled": (GIVEN, True),
    "networkPolicy.controlFrom": (WHOLE, [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]),
    "networkPolicy.storePorts": (WHOLE, [6379]),
    "networkPolicy.upstreamPort": (WHOLE, 8443),
    "metrics.serviceMonitor.enabled": (GIVEN, True),
    "metrics.serviceMonitor.interval": (WHOLE, "30s"),
    "metrics.serviceMonitor.labels": (WHOLE, {"release": "prometheus"}),
    "metrics.prometheusRule.enabled": (GIVEN, True),
    "metrics.prometheusRule.labels": (WHOLE, {"release": "prometheus"}),
    "metrics.prometheusRule.limitNear": (WHOLE, 0.9),
    "metrics.prometheusRule.burnFloorUsd": (WHOLE, 250),
    "metrics.prometheusRule.runbookPrefix": (WHOLE, "https://wiki.example.com/"),
    "metrics.dashboards.enabled": (GIVEN, True),
    "metrics.dashboards.labels.grafana_dashboard": (WHOLE, "yes"),
    "serviceAccount.annotations": (GIVEN, {"a": "b"}),
    "podAnnotations": (GIVEN, {"a": "b"}),
    "podLabels": (GIVEN, {"a": "b"}),
    "resources.requests.cpu": (GIVEN, "2"),
    "resources.requests.memory": (GIVEN, "1Gi"),
    "resources.limits.memory": (GIVEN, "2Gi"),
    "nodeSelector": (GIVEN, {"disk": "ssd"}),
    "tolerations": (GIVEN, [{"key": "a", "operator": "Exists"}]),
    "affinity": (
        GIVEN,
        {
            "podAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]
            }
        },
    ),
    "priorityClassName": (GIVEN, "high"),
    "extraEnv": (GIVEN, [{"name": "TOLLHOUSE_MAX_BODY", "value": "2MiB"}]),
    "extraVolumes": (GIVEN, [{"name": "ca", "configMap": {"name": "ca"}}]),
    "extraVolumeMounts": (GIVEN, [{"name": "tmp", "mountPath": "/other"}]),
}


def with_value(values: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(values))
    *above, last = path.split(".")
    place = changed
    for name in above:
        place = place.setdefault(name, {})
    place[last] = value
    return changed


# --- Sound ---


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_helm_finds_nothing_to_complain_of(helm: Helm, values: Mapping[str, Any], tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART), "--values", str(tmp_path / "values.yaml"))


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_kubernetes_takes_every_manifest(helm: Helm, values: Mapping[str, Any], version: str) -> None:
    manifests = helm.render(values, "--kube-version", version)
    assert len(manifests) > 6
    for manifest in manifests:
        if not manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(manifest, version, strict=True)
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]
    assert len(set(names)) == len(names)


def test_both_make_the_same_and_always_the_same(helms: dict[int, Helm]) -> None:
    made = [helm.render(WHOLE) for helm in helms.values() for _ in range(2)]
    ordered = [sorted(one, key=lambda manifest: str(manifest["metadata"]["name"]) + manifest["kind"]) for one in made]
    assert all(one == ordered[0] for one in ordered)


def test_an_older_kubernetes_is_refused(newest: Helm) -> None:
    with pytest.raises(Refused, match="incompatible with Kubernetes"):
        newest.render(GIVEN, "--kube-version", "1.26")


# --- Values ---


def test_every_leaf_of_the_values_is_tried() -> None:
    assert {".".join(path) for path in leaves(VALUES)} == set(CHANGES)


@pytest.mark.parametrize("path", CHANGES)
def test_every_value_changes_a_manifest_and_kubernetes_takes_it(newest: Helm, path: str) -> None:
    values, other = CHANGES[path]
    changed = newest.render(with_value(values, path, other))
    assert changed != newest.render(values)
    for manifest in changed:
        if not manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(manifest, KUBERNETES[-1], strict=True)


def objects(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    found = [".".join(path)]
    for name, one in values.items():
        if isinstance(one, dict) and one and (*path, name) != ("metrics", "dashboards", "labels"):
            found += objects(one, (*path, name))
    return found


@pytest.mark.parametrize("place", objects(VALUES))
def test_a_value_that_is_not_known_is_refused_with_its_place(helm: Helm, place: str) -> None:
    path = f"{place}.unheard".lstrip(".")
    with pytest.raises(Refused, match="unheard"):
        helm.render(with_value(GIVEN, path, "of"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "gateways of a cluster share a store"),
        ({"secrets": {"values": {"redisUrl": "redis://x"}}}, "secrets.values.adminKey must be given"),
        (with_value(INLINE, "secrets.values.upstreamKey", ""), "sandbox: true uses the built-in sandbox instead"),
        (with_value(INLINE, "secrets.values.webhookSecret", ""), "secrets.values.webhookSecret must be given"),
        (with_value(INLINE, "sandbox", True), "which shall it be"),
        (with_value(INLINE, "secrets.existingSecret", "ours"), "give one of the two"),
        (with_value(EMBEDDED, "replicas", 2), "each gateway would have budgets of its own"),
        (with_value(EMBEDDED, "autoscaling.enabled", True), "each gateway would have budgets of its own"),
        (with_value(EMBEDDED, "persistence.enabled", False), "given out again with each new pod"),
        (
            {**EMBEDDED, "secrets": {"values": {"redisUrl": "redis://x", "pepper": "p", "adminKey": "k"}}},
            "leave out secrets.values.redisUrl",
        ),
        (with_value(MAPPED, "policies.files", FILES), "policies.files and policies.existingConfigMap are both given"),
        (with_value(MAPPED, "policies.items", []), "policies.items must say which key"),
        (with_value(GIVEN, "config.upstream_timeout", "45000ms"), "config.upstream_timeout must be below"),
        (with_value(GIVEN, "terminationGracePeriodSeconds", 55), "must be below terminationGracePeriodSeconds"),
        (with_value(GIVEN, "config.shutdown_delay", "1m"), "must be below terminationGracePeriodSeconds"),
        (with_value(WHOLE, "autoscaling.minReplicas", 7), "autoscaling.minReplicas is above"),
        (with_value(WHOLE, "resources.requests", None), "it scales by a share of that"),
        (with_value(WHOLE, "ingress.hosts", []), "ingress.enabled needs ingress.hosts"),
        (with_value(GIVEN, "config.upstream_timeout", "soon"), "upstream_timeout"),
        (with_value(GIVEN, "config.redis_url", "redis://x"), "redis_url"),
        (with_value(GIVEN, "policies.files", {"team.toml": ""}), "team.toml"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_contradicts_itself_fails_with_a_sentence(helm: Helm, values: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        helm.render(values)
    assert sentence in str(refused.value)


# --- What must hold of all of it ---


def pods(manifests: list[Manifest]) -> list[Manifest]:
    """The pod of each manifest that makes one."""
    made = [one for one in manifests if one["kind"] == "Pod"]
    return made + [one["spec"]["template"] for one in manifests if one["kind"] in ("StatefulSet", "Job")]


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_nobody_is_root_writes_the_image_or_has_a_token(newest: Helm, values: Mapping[str, Any]) -> None:
    for pod in pods(newest.render(values)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        security = spec["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"], security["runAsGroup"]) == (True, 65532, 65532)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            writable = {one["mountPath"] for one in container.get("volumeMounts", ()) if not one.get("readOnly")}
            assert writable <= {"/tmp", "/var/lib/tollhouse"}


def test_secrets_are_in_secrets_and_nowhere_else(newest: Helm) -> None:
    for manifest in newest.render(INLINE):
        assert (CANARY in yaml.safe_dump(manifest)) == (manifest["kind"] == "Secret"), manifest["metadata"]["name"]


def test_the_store_is_begun_on_an_install_and_never_on_an_upgrade(newest: Helm) -> None:
    manifests = newest.render(WHOLE)
    begins = [one for one in manifests if "init" in str(one.get("spec", {}))]
    assert [one["metadata"]["annotations"]["helm.sh/hook"] for one in begins] == ["pre-install"]
    assert not [one for one in newest.render(EMBEDDED) if "init" in str(one.get("spec", {}))]


def test_what_is_selected_is_what_is_meant(newest: Helm) -> None:
    manifests = newest.render(WHOLE)
    gateway = named(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    jobs = [pod["metadata"]["labels"] for pod in pods(manifests) if pod["metadata"]["labels"] != gateway]
    assert len(jobs) == 4
    picks = [one["spec"]["selector"] for one in manifests if one["kind"] == "Service"]
    picks += [
        named(manifests, kind)["spec"]["selector"]["matchLabels"] for kind in ("PodDisruptionBudget", "StatefulSet")
    ]
    picks.append(named(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
    assert len(picks) == 6
    for pick in picks:
        assert pick.items() <= gateway.items()
        assert not [labels for labels in jobs if pick.items() <= labels.items()]
    [rule] = [one for one in named(manifests, "NetworkPolicy")["spec"]["ingress"] if "from" in one]
    for labels in jobs:
        assert rule["from"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    monitored = named(manifests, "ServiceMonitor")["spec"]
    services = [one for one in manifests if one["kind"] == "Service"]
    chosen = [
        one for one in services if monitored["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
    ]
    assert [one["metadata"]["name"] for one in chosen] == ["toll-control"]
    assert chosen[0]["metadata"]["labels"][monitored["jobLabel"]] == "tollhouse"
    [path] = named(manifests, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "toll", "port": {"name": "data"}}


def test_an_upgrade_of_policies_restarts_nobody_and_one_of_settings_does(newest: Helm) -> None:
    def pod(values: Mapping[str, Any]) -> Manifest:
        template: Manifest = named(newest.render(values), "StatefulSet")["spec"]["template"]
        return template["metadata"]

    assert pod(WHOLE) == pod(with_value(WHOLE, "policies.files", {**FILES, "organization.toml": "schema = 2\n"}))
    assert pod(WHOLE) != pod(with_value(WHOLE, "config.upstream_timeout", "9s"))
    assert pod(INLINE) != pod(with_value(INLINE, "secrets.values.pepper", "other"))


def test_promtool_takes_the_rendered_rules_with_their_thresholds(newest: Helm, tmp_path: Path) -> None:
    values = with_value(WHOLE, "metrics.prometheusRule.limitNear", 0.9)
    values = with_value(values, "metrics.prometheusRule.burnFloorUsd", 250)
    values = with_value(values, "metrics.prometheusRule.runbookPrefix", "https://wiki.example.com/")
    spec = named(newest.render(values), "PrometheusRule")["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    promtool = shutil.which("promtool")
    assert promtool is not None, "there is no promtool: install the package prometheus"
    subprocess.run([promtool, "check", "rules", tmp_path / "rules.yaml"], check=True, capture_output=True)
    rules = {rule.get("alert"): rule for group in spec["groups"] for rule in group["rules"]}
    assert ">= 0.9 < 1" in rules["TollhouseLimitNear"]["expr"]
    for alert in ("BudgetBurningFast", "BudgetBurning", "BudgetForecastExceeded"):
        assert rules[f"Tollhouse{alert}"]["expr"].endswith("> 250")
    books = [rule["annotations"]["runbook"] for name, rule in rules.items() if name]
    assert all(book.startswith("https://wiki.example.com/docs/alerts.md#") for book in books)


def test_the_dashboards_are_as_they_ship(newest: Helm) -> None:
    data = named(newest.render(WHOLE), "ConfigMap", "-dashboards")["data"]
    shipped = {one.name: one.read_text(encoding="utf-8") for one in (CHART / "files" / "grafana").iterdir()}
    assert {name.removeprefix("tollhouse-"): text.strip() for name, text in data.items()} == {
        name: text.strip() for name, text in shipped.items()
    }


def test_the_notes_say_what_comes_next(newest: Helm) -> None:
    notes = newest.run(
        "install", "toll", str(CHART), "--dry-run=client", "--set", "secrets.existingSecret=ours", "--hide-notes=false"
    )
    assert re.search(r"^  http://toll\.default:80$", notes, re.MULTILINE)
    assert "tollhouse key issue --team TEAM" in notes


def test_the_values_of_the_page_are_linted_and_rendered(helm: Helm, tmp_path: Path) -> None:
    page = (CHART.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
    [text] = [one for one in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "secrets:" in one]
    (tmp_path / "values.yaml").write_text(text, encoding="utf-8")
    said = helm.run("lint", "--strict", str(CHART), "--values", str(tmp_path / "values.yaml"))
    assert "0 chart(s) failed" in said
    kinds = {one["kind"] for one in helm.render(yaml.safe_load(text))}
    assert {"StatefulSet", "Ingress", "NetworkPolicy", "PrometheusRule", "ServiceMonitor", "Job"} <= kinds


def test_it_can_be_packed(helm: Helm, tmp_path: Path) -> None:
    helm.run("package", str(CHART), "--destination", str(tmp_path))
    [archive] = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as packed:
        names = {name.removeprefix("tollhouse/") for name in packed.getnames()}
    assert {"Chart.yaml", "values.schema.json", "README.md", "files/prometheus/rules.yaml"} <= names
