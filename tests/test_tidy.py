"""Style as a test: sizes, a test for every module, and documents that cannot fall behind."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.cli import main
from gateway.core.figures import ClosedPrice, LimitGauge, StoreGauges
from gateway.core.outcome import _LABELS
from gateway.settings import Settings, variable
from gateway.web import headers
from gateway.web.errors import CODES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gateway"
MODULES = sorted(PACKAGE.rglob("*.py"))
BENCHMARKS = sorted((ROOT / "bench").glob("*.py"))
SCRIPTS = sorted(PACKAGE.rglob("*.lua"))

# Modules whose every line runs in the tests of another: a composition root, and packages of values.
TESTED_ELSEWHERE = {
    "gateway/cli/job_rows.py": "tests/cli/test_simulate.py",
    "gateway/cli/moment.py": "tests/cli/test_simulate.py",
    "gateway/cli/simulated.py": "tests/cli/test_simulate.py",
    "gateway/__main__.py": "tests/cli/test_serve.py",
    "gateway/ports/administration.py": "tests/service/test_administrators.py",
    "gateway/ports/alerts.py": "tests/service/test_alerts.py",
    "gateway/ports/jobs.py": "tests/service/test_job_desk.py",
    "gateway/ports/keys.py": "tests/adapters/redis/test_key_index.py",
    "gateway/ports/settling.py": "tests/service/test_settle.py",
    "gateway/ports/telemetry.py": "tests/adapters/test_telemetry.py",
    "gateway/ports/upstream.py": "tests/service/test_submit.py",
    "gateway/cli/environment.py": "tests/cli/test_serve.py",
    "gateway/core/admit.py": "tests/core/test_policy.py",
    "gateway/core/admission.py": "tests/adapters/redis/test_ledger.py",
    "gateway/core/entry.py": "tests/core/test_ledger.py",
    "gateway/core/figures.py": "tests/adapters/test_telemetry.py",
    "gateway/core/outcome.py": "tests/service/test_submit.py",
    "gateway/adapters/sql/migrations/env.py": "tests/adapters/sql/test_migrate.py",
    "gateway/adapters/sql/migrations/versions/v0001_ledger.py": "tests/adapters/sql/test_migrate.py",
    "gateway/adapters/sql/migrations/versions/v0002_audit.py": "tests/adapters/sql/test_audit_records.py",
    "gateway/adapters/sql/migrations/versions/v0003_refused_after.py": "tests/adapters/sql/test_audit_records.py",
    "gateway/adapters/sql/migrations/versions/v0004_keys.py": "tests/adapters/sql/test_migrate.py",
    "gateway/adapters/sql/schema.py": "tests/adapters/sql/test_migrate.py",
    "gateway/adapters/redis/calls.py": "tests/adapters/redis/test_ledger.py",
    "gateway/adapters/redis/keys.py": "tests/adapters/redis/test_ledger.py",
    "gateway/adapters/redis/records.py": "tests/adapters/redis/test_ledger.py",
    "gateway/adapters/redis/replies.py": "tests/adapters/redis/test_ledger.py",
    "gateway/adapters/redis/words.py": "tests/adapters/redis/test_connection.py",
    "gateway/web/administration.py": "tests/web/test_admin.py",
    "gateway/web/app.py": "tests/web/test_jobs.py",
    "gateway/web/call.py": "tests/web/test_express.py",
    "gateway/web/framing.py": "tests/web/test_edge.py",
    "gateway/web/job_routes.py": "tests/walkthrough/test_routes.py",
    "gateway/web/limit_rows.py": "tests/web/test_refusals.py",
    "gateway/web/listener.py": "tests/web/test_edge.py",
    "gateway/web/passages.py": "tests/walkthrough/test_routes.py",
    "gateway/web/plane.py": "tests/web/test_jobs.py",
    "gateway/web/told.py": "tests/web/test_answers.py",
    "gateway/service/intent.py": "tests/service/test_outbox.py",
    "gateway/service/hold_desk.py": "tests/web/test_admin_holds.py",
    "gateway/settings/forms.py": "tests/test_settings.py",
    "gateway/settings/model.py": "tests/test_settings.py",
    "gateway/settings/sources.py": "tests/test_settings.py",
    "gateway/wiring/background.py": "tests/wiring/test_gateway.py",
    "gateway/wiring/demo.py": "tests/wiring/test_gateway.py",
    "gateway/wiring/house.py": "tests/wiring/test_gateway.py",
    "gateway/wiring/recordings.py": "tests/cli/test_simulate.py",
    "gateway/wiring/settling.py": "tests/walkthrough/test_settling.py",
    "gateway/wiring/trouble.py": "tests/cli/test_serve.py",
    "gateway/wiring/upstreams.py": "tests/wiring/test_gateway.py",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES + BENCHMARKS, ids=relative)
def test_modules_and_functions_stay_readable(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"


@pytest.mark.parametrize("script", SCRIPTS, ids=relative)
def test_scripts_stay_readable_and_declare_their_keys(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    assert text.startswith("#!lua") != (script.parent.name == "shared")


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_every_module_says_what_it_is_and_has_a_test(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    if module.name == "__init__.py":
        assert docstring or not module.read_text(encoding="utf-8")
        return
    assert docstring
    name = relative(module)
    inside = module.relative_to(PACKAGE)
    mirrored = ROOT / "tests" / inside.parent / f"test_{inside.name}"
    assert mirrored.exists() or (ROOT / TESTED_ELSEWHERE.get(name, "?")).exists(), f"no {relative(mirrored)}"


def commands(command: click.Command, name: str = "tollhouse") -> Iterator[str]:
    if isinstance(command, click.Group):
        for sub in command.commands.values():
            yield from commands(sub, f"{name} {sub.name}")
    else:
        yield name


def test_every_command_is_documented() -> None:
    text = read("docs/command-line.md")
    assert [name for name in commands(main) if f"`{name}" not in text] == []


def test_every_setting_is_documented() -> None:
    named = {variable(field) for field in Settings.model_fields} | {"TOLLHOUSE_CONFIG"}
    text = read("docs/settings.md")
    assert sorted(name for name in named if f"`{name}`" not in text) == []
    rows = set(re.findall(r"^\| `([A-Z_]+)`", text, re.MULTILINE))
    assert rows - named == set()


def test_every_error_and_header_is_documented() -> None:
    text = read("docs/errors.md")
    assert [code for code in CODES if f"`{code}`" not in text] == []
    own = [getattr(headers, name) for name in ("REQUEST_ID", "COST_USD", "HOLD_ID", "LIMIT", "HEADROOM_USD")]
    own += [headers.RESETS_AT, headers.ERROR_SOURCE, headers.SHOULD_RETRY]
    assert [name for name in own if f"`{name}`" not in text] == []
    documented = set(re.findall(r"^\| \d{3} \| `([A-Z_]+)`", text, re.MULTILINE))
    assert documented == set(CODES)


def test_every_metric_and_outcome_is_documented() -> None:
    text = read("docs/metrics.md")
    limit = LimitGauge("team", "demo", "monthly", "usd", 1.0, 0.0, 0.0, 0.0, 1.0)
    exposed = (
        PrometheusTelemetry("0")
        .render(StoreGauges((limit,), {"held": 0}, 0.0, 0.0, "v", (ClosedPrice("m", "c", test=False),)))
        .decode()
    )
    names = set(re.findall(r"^# TYPE (tollhouse_\w+)", exposed, re.MULTILINE))
    names = {name for name in names if not name.endswith("_created")}
    documented = set(re.findall(r"`(tollhouse_[a-z_]+)`", text))
    assert {name.removesuffix("_total") for name in names} == {name.removesuffix("_total") for name in documented}
    assert sorted({label for label in _LABELS.values() if f"`{label}`" not in text}) == []


def test_metrics_live_in_a_registry_of_their_own() -> None:
    PrometheusTelemetry("0")
    PrometheusTelemetry("0")
    assert isinstance(REGISTRY, CollectorRegistry)
    assert not [metric.name for metric in REGISTRY.collect() if metric.name.startswith("tollhouse")]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_file_names_this_machine_or_a_registry() -> None:
    places = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root)/|(?:pypi|pythonhosted|npmjs|debian)\.org", re.MULTILINE)
    found = []
    for path in tracked():
        if path.name == "test_tidy.py" or path.suffix in (".png", ".ico"):
            continue
        found += [relative(path) for _ in [1] if places.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(
        r"\b(TODO|FIXME|XXX|NotImplementedError)\b|(pytest|unittest)\.(skip|xfail|importorskip)|mark\.(skip|xfail)"
    )
    sources = [path for path in tracked() if path.suffix in (".py", ".lua") and path.name != "test_tidy.py"]
    assert [relative(path) for path in sources if later.search(path.read_text(encoding="utf-8"))] == []


def test_the_documented_store_user_may_do_all_that_we_ask_of_the_store() -> None:
    asked = {name for script in SCRIPTS for name in re.findall(r"redis\.call\('([A-Z]+)'", script.read_text())}
    for module in (PACKAGE / "adapters" / "redis").glob("*.py"):
        asked |= set(re.findall(r'\bcommand\(\s*"([A-Z]+)"', module.read_text(encoding="utf-8")))
    allowed = set(re.findall(r"\+([a-z]+)", read("docs/operating.md")))
    assert sorted(name.lower() for name in asked if name.lower() not in allowed) == []
