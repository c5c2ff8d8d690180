"""`tollhouse config`: the schemas that editors are given, and the settings as they are and as they must not be."""

import copy
import json
import re
import stat
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

import pytest
import tomli
from click.testing import CliRunner, Result
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from pydantic import ValidationError

from gateway.adapters.policy_files.policies import parse_organization, parse_team
from gateway.adapters.policy_files.prices import parse_prices
from gateway.adapters.system import SystemEntropy
from gateway.cli import main
from gateway.cli.config import KINDS
from gateway.core.toml_schema import toml_schema
from gateway.settings import load_settings
from gateway.settings.model import content_of
from gateway.wiring.secrets import gateway_secrets

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "adapters" / "policy_files"
COMMITTED = ROOT / "docs" / "schema"
VALIDATORS = {kind: Draft202012Validator(toml_schema(model)) for kind, model in KINDS.items()}
FOLDERS = {"organization": HERE / "bad" / "organization", "team": HERE / "bad" / "teams", "prices": HERE / "bad_prices"}
# JSON has no times and takes 5.0 for 5; which zones there are changes from year to year.
BEYOND_JSON: Final = {
    "zone-unknown",
    "override-until-in-quotes",
    "effective-from-in-quotes",
    "base-a-float",
    "default-a-float",
}


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, ["config", *arguments])


def as_json(value: Any) -> Any:
    """A TOML document as editors hand it to a schema: times as the text that they are."""
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def wrong(kind: str, document: Any) -> list[str]:
    return [error.message for error in VALIDATORS[kind].iter_errors(as_json(document))]


def shapeless(kind: str, document: Any) -> bool:
    """Whether the model refuses the document, whatever its values are to each other."""
    if kind == "settings":
        # Files that are named in place of a value are read before the model sees anything.
        document = {name: one for name, one in document.items() if content_of(name) is None or not isinstance(one, str)}
    try:
        KINDS[kind].model_validate(document)
    except ValidationError:
        return True
    return False


# --- Schemas ---


def test_what_is_committed_is_what_the_models_say(tmp_path: Path) -> None:
    """If this fails: make schema."""
    assert run("schema", "--write", str(tmp_path / "new")).exit_code == 0
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()}
    assert written == {path.name: path.read_text("utf-8") for path in COMMITTED.iterdir()}
    assert set(written) == {f"{kind}.json" for kind in KINDS}


def test_one_or_all_are_printed() -> None:
    every = json.loads(run("schema").stdout)
    assert list(every) == list(KINDS)
    assert json.loads(run("schema", "team").stdout) == every["team"]
    assert run("schema", "teams").exit_code == 2


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in {"": schema, **schema.get("$defs", {})}.items():
        for key, one in table["properties"].items():
            yield f"{name}.{key}", one if "$ref" not in one else schema["$defs"][one["$ref"].removeprefix("#/$defs/")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_is_closed_and_every_key_is_explained(kind: str) -> None:
    schema = toml_schema(KINDS[kind])
    for table in (schema, *schema.get("$defs", {}).values()):
        assert table["additionalProperties"] is False
        assert table["description"]
    for name, one in properties(schema):
        assert one.get("title"), name
        assert one.get("description", "").endswith("."), name
        assert {"type", "anyOf", "enum", "const"} & set(one), f"{name} says nothing of its values"


def documents() -> Iterator[tuple[str, str, str]]:
    """Every TOML file and example that somebody may start from: its kind, where it is, its text."""
    yield "organization", "policies/organization.toml", (ROOT / "policies" / "organization.toml").read_text("utf-8")
    for kind, folder in (("team", "teams"), ("prices", "prices")):
        for path in sorted((ROOT / "policies" / folder).iterdir()):
            yield kind, path.name, path.read_text("utf-8")
    yield (
        "settings",
        "deploy/systemd/tollhouse.toml",
        (ROOT / "deploy" / "systemd" / "tollhouse.toml").read_text("utf-8"),
    )
    for page in sorted([ROOT / "README.md", ROOT / "policies" / "README.md", *(ROOT / "docs").rglob("*.md")]):
        for number, text in enumerate(
            re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        ):
            yield kind_of(tomli.loads(text)), f"{page.name}, example {number}", text


def kind_of(document: dict[str, Any]) -> str:
    known = {"organization": "organization", "team": "team", "effective_from": "prices", "rules": "gitleaks"}
    return next((kind for key, kind in known.items() if key in document), "settings")


OURS = [one for one in documents() if one[0] != "gitleaks"]


@pytest.mark.parametrize(("kind", "where", "text"), OURS, ids=[where for _, where, _ in OURS])
def test_what_we_ship_and_show_is_as_the_schema_says(kind: str, where: str, text: str) -> None:
    assert wrong(kind, tomli.loads(text)) == []
    assert not shapeless(kind, tomli.loads(text))


def test_every_kind_has_an_example() -> None:
    assert {kind for kind, _, _ in OURS} == set(KINDS)


def bad_files() -> Iterator[tuple[str, Path]]:
    for kind, folder in FOLDERS.items():
        for path in sorted(folder.glob("*.toml")):
            try:
                document = tomli.loads(path.read_text("utf-8"))
            except ValueError:
                continue
            if path.stem not in BEYOND_JSON and shapeless(kind, document):
                yield kind, path


BAD = list(bad_files())


@pytest.mark.parametrize(("kind", "path"), BAD, ids=[path.stem for _, path in BAD])
def test_every_mistake_of_shape_that_we_know_of_is_one_to_the_schema(kind: str, path: Path) -> None:
    assert wrong(kind, tomli.loads(path.read_text("utf-8")))


PARSERS: dict[str, Callable[[Any], object]] = {
    "organization": lambda document: parse_organization("organization.toml", document),
    "team": lambda document: parse_team(f"teams/{document.get('team')}.toml", document),
    "prices": lambda document: parse_prices("prices/2026-02-18.toml", document),
}
GOOD = {
    "organization": tomli.loads((ROOT / "policies" / "organization.toml").read_text("utf-8")),
    "team": tomli.loads((ROOT / "policies" / "teams" / "video.toml").read_text("utf-8")),
    "prices": tomli.loads((HERE.parents[2] / "policies" / "prices" / "2026-02-18.toml").read_text("utf-8")),
}
GOOD["prices"]["model"] = [next(model for model in GOOD["prices"]["model"] if "factors" in model)]
NUMBERS = [1.5, True, -1, 0, 1, 13, 2**53]
TEXTS = ["", "x y", "a b ", "usd", "jobs", "key", "50%", "5.00", "05", "none", "É", "a@b", "\t"]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, [], {}, [1], ["*"], ["50%", "50%"], [{}], {"x": 1}, {"x": ["1"]}])


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document, with each of its keys or indices, and a key that is not there."""
    if isinstance(document, dict):
        yield document, "unheard_of"
    for key, one in list(document.items() if isinstance(document, dict) else enumerate(document)):
        yield document, key
        if isinstance(one, dict | list):
            yield from places(one)


@pytest.mark.parametrize("kind", GOOD)
@given(data=st.data())
def test_schema_and_parser_agree_on_a_document_with_one_mistake(kind: str, data: st.DataObject) -> None:
    document = copy.deepcopy(GOOD[kind])
    container, key = data.draw(st.sampled_from(list(places(document))), label="where")
    if key != "unheard_of" and isinstance(container, dict) and data.draw(st.booleans(), label="left out"):
        del container[key]
    else:
        container[key] = data.draw(VALUES, label="what")
    assume(key != "zone" or not isinstance(document.get("zone"), str))
    refused = bool(wrong(kind, document))
    if shapeless(kind, document):
        assert refused
    if refused:
        assert isinstance(PARSERS[kind](document), tuple)


@pytest.mark.parametrize(
    "line",
    [
        *("upstream_timeout = 30", 'upstream_timeout = "30"', 'upstream_timeout = "0s"', 'max_body = "1MB"'),
        *("max_body = 0", 'store_init = "yes"', 'log_format = "xml"', 'listen = "8080"', "listen = 8080"),
        *('store_allow = ["everything"]', 'store_allow = "everything"', "workers = 2", "trusted_proxies = 1"),
        *('redis_url = "redis+cluster://a"', 'policies_watch = "perhaps"', "unheard_of = 1", "data_dir = 1"),
        *('public_url = "toll.example.com"', 'upstream_url = "ftp://x"', 'store_outage = "allow"'),
    ],
)
def test_a_settings_file_that_is_refused_is_refused_by_its_schema(line: str, tmp_path: Path) -> None:
    file = tmp_path / "tollhouse.toml"
    file.write_text(f"{line}\n")
    assert run("check", TOLLHOUSE_CONFIG=str(file)).exit_code == 2
    assert wrong("settings", tomli.loads(line))


# --- check ---


def test_every_mistake_in_the_settings_is_told_at_once_as_serve_would(tmp_path: Path) -> None:
    file = tmp_path / "tollhouse.toml"
    file.write_text('max_bodies = "1MiB"\nbody_timeout = "soon"\nredis_url = "redis://:hunter2@redis"\n')
    wrongly = {
        "TOLLHOUSE_CONFIG": str(file),
        "TOLLHOUSE_LISTENS": "x",
        "TOLLHOUSE_UPSTREAM_TIMEOUT": "1m",
        "TOLLHOUSE_WORKERS": "2",
        "TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET": "hunter2",
    }
    told = run("check", "--json", **wrongly)
    assert told.exit_code == 2
    mistakes = json.loads(told.stdout)["mistakes"]
    starts = ["max_bodies: there is no", "TOLLHOUSE_LISTENS: ", "TOLLHOUSE_BODY_TIMEOUT: ", "SECRET does nothing"]
    starts += ["TOLLHOUSE_WORKERS: ", "must be below TOLLHOUSE_SHUTDOWN_GRACE", "TOLLHOUSE_PEPPER_FILE and "]
    assert [[one for one in mistakes if start in one] != [] for start in starts] == [True] * len(starts)
    assert len(mistakes) == len(starts)
    assert told.stderr.splitlines() == mistakes
    assert "hunter2" not in told.output

    started = CliRunner(env=wrongly).invoke(main, ["serve"])
    assert (started.exit_code, started.stderr) == (2, told.stderr)


def test_what_cannot_be_read_contradicts_nothing() -> None:
    """The grace that was meant is not known: whether the timeout is below it, neither."""
    told = run("check", TOLLHOUSE_SHUTDOWN_GRACE="2 minutes", TOLLHOUSE_UPSTREAM_TIMEOUT="1m")
    assert len(told.stderr.splitlines()) == 1


def test_settings_that_are_fine() -> None:
    assert (run("check").exit_code, run("check").stdout) == (0, "The settings are fine.\n")
    assert json.loads(run("check", "--json").stdout) == {"mistakes": []}


# --- show ---


def test_every_setting_is_shown_with_where_it_came_from_and_no_secret(tmp_path: Path) -> None:
    file, pepper = tmp_path / "tollhouse.toml", tmp_path / "pepper"
    file.write_text('max_body = "64KiB"\nbody_timeout = "5s"\ndatabase_url = "postgresql://u:hunter2@db/x"\n')
    pepper.write_text("hunter2\n")
    environment = {
        "TOLLHOUSE_CONFIG": str(file),
        "TOLLHOUSE_BODY_TIMEOUT": "1500ms",
        "TOLLHOUSE_PEPPER_FILE": str(pepper),
        "TOLLHOUSE_CONTROL_URL": "http://me:hunter2@127.0.0.1:9",
        "TOLLHOUSE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
        "TOLLHOUSE_WEBHOOK_ALLOW_HOSTS": "hooks.internal,10.0.0.0/8",
        "PIXELBYTE_API_KEY": "pb_hunter2",
    }
    document = run("show", "--json", **environment)
    assert document.exit_code == 0
    rows = {row.pop("name"): row for row in json.loads(document.stdout)["settings"]}
    assert list(rows) == list(KINDS["settings"].model_fields)

    def told(name: str) -> tuple[object, str, str | None]:
        return rows[name]["value"], rows[name]["source"], rows[name]["from"]

    assert told("max_body") == ("64KiB", "file", str(file))
    assert told("body_timeout") == ("1500ms", "environment", "TOLLHOUSE_BODY_TIMEOUT")
    assert told("pepper") == ("***", "environment file", "TOLLHOUSE_PEPPER_FILE")
    assert told("database_url") == ("***", "file", str(file))
    assert told("pixelbyte_api_key") == ("***", "environment", "PIXELBYTE_API_KEY")
    assert told("control_url")[0] == "http://***@127.0.0.1:9"
    assert told("trusted_proxies")[0] == ["10.0.0.0/8", "192.0.2.1/32"]
    assert told("webhook_allow_hosts")[0] == ["hooks.internal", "10.0.0.0/8"]
    assert told("upstream_timeout") == ("30s", "default", None)
    assert told("admin_key") == (None, "default", None)

    text = run("show", **environment).stdout
    assert re.search(r"^TOLLHOUSE_PEPPER +\*\*\* +environment file +TOLLHOUSE_PEPPER_FILE$", text, re.MULTILINE)
    assert re.search(r"^TOLLHOUSE_TRUSTED_PROXIES +10\.0\.0\.0/8,192\.0\.2\.1/32 +environment ", text, re.MULTILINE)
    assert "hunter2" not in text + document.output


def test_settings_that_are_wrong_are_not_shown() -> None:
    told = run("show", TOLLHOUSE_LISTEN="x")
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith("TOLLHOUSE_LISTEN: ")


def test_secrets_are_made_once_for_their_owner_and_a_gateway_takes_them(tmp_path: Path) -> None:
    made = run("secrets", str(tmp_path / "new" / "secrets"))
    assert made.exit_code == 0
    given = dict(line.split("=", 1) for line in made.output.splitlines())
    assert list(given) == ["TOLLHOUSE_PEPPER_FILE", "TOLLHOUSE_ADMIN_KEY_FILE"]
    files = [Path(path) for path in given.values()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert not any(path.read_text().strip() in made.output for path in files)
    before = [path.read_text() for path in files]
    again = run("secrets", str(tmp_path / "new" / "secrets"), "--json")
    assert json.loads(again.output) == {"pepper": str(files[0]), "admin_key": str(files[1])}
    assert [path.read_text() for path in files] == before
    secrets = gateway_secrets(load_settings({**given, "TOLLHOUSE_DATA_DIR": str(tmp_path)}), SystemEntropy())
    assert f"{secrets.admin_key.value}\n" == before[1]


def test_secrets_that_are_none_are_left_alone_and_named(tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("\n")
    refused = run("secrets", str(tmp_path))
    assert (refused.exit_code, refused.output) == (1, f"{tmp_path / 'pepper'} is empty\n")
