"""`tollhouse config`: what the settings are and where each came from, what the files are made of, and first secrets."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from pydantic import BaseModel, SecretStr

from gateway.adapters.policy_files.policy_tables import OrganizationTable, TeamTable
from gateway.adapters.policy_files.price_tables import CardTable
from gateway.adapters.secret_files import SecretFileError
from gateway.adapters.system import SystemEntropy
from gateway.cli.control import FAILURE, USAGE, fail
from gateway.cli.environment import environment
from gateway.cli.table import table
from gateway.core.toml_schema import toml_schema
from gateway.settings import Origin, Settings, SettingsError, Source, load_settings, load_with_origins, variable
from gateway.wiring.secrets import make_secrets

KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "organization": OrganizationTable,
    "team": TeamTable,
    "prices": CardTable,
    "settings": Settings,
}

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_MASK: Final = "***"
_USERINFO = re.compile(r"//[^/@]*@")


@click.group()
def config() -> None:
    """Check and show the settings; print the JSON Schema of every file that somebody writes; make first secrets."""


@config.command()
@click.argument("kind", required=False, type=click.Choice(tuple(KINDS)))
@click.option(
    "--write",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each to a file KIND.json in this directory, and print their names.",
)
def schema(kind: str | None, directory: Path | None) -> None:
    """Print the JSON Schema of one KIND of file, or of all, by kind. Needs no gateway.

    KIND is organization (organization.toml), team (teams/*.toml), prices (prices/*.toml) or settings (the file that
    TOLLHOUSE_CONFIG names).

    \b
    tollhouse config schema team
    tollhouse config schema --write docs/schema
    """
    wanted = KINDS if kind is None else {kind: KINDS[kind]}
    schemas = {name: toml_schema(model) for name, model in wanted.items()}
    if directory is None:
        click.echo(json.dumps(schemas if kind is None else schemas[kind], indent=2))
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name, one in schemas.items():
        path = directory / f"{name}.json"
        path.write_text(json.dumps(one, indent=2) + "\n", encoding="utf-8")
        click.echo(str(path))


@config.command()
@_JSON
def check(as_json: bool) -> None:
    """Name every mistake in the settings, as `serve` would find them, and start nothing. Exits 2 if there is one.

    \b
    tollhouse config check
    TOLLHOUSE_CONFIG=/etc/tollhouse.toml tollhouse config check
    """
    mistakes: tuple[str, ...] = ()
    try:
        load_settings(environment(), serving=True)
    except SettingsError as error:
        mistakes = error.sentences
    if as_json:
        click.echo(json.dumps({"mistakes": mistakes}))
    if mistakes:
        fail(USAGE, *mistakes)
    if not as_json:
        click.echo("The settings are fine.")


@config.command()
@_JSON
def show(as_json: bool) -> None:
    """Show what every setting is, and where it came from. Secrets are never shown: `***` is one that is set.

    \b
    tollhouse config show
    """
    try:
        settings, origins = load_with_origins(environment())
    except SettingsError as error:
        fail(USAGE, *error.sentences)
    rows = list(_rows(settings, origins))
    if as_json:
        click.echo(json.dumps({"settings": rows}))
        return
    texts = [(row["variable"], _text(row["value"]), row["source"], row["from"]) for row in rows]
    click.echo(table(("setting", "value", "source", "from"), texts))


@config.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@_JSON
def secrets(directory: Path, as_json: bool) -> None:
    """Make the secrets that the gateways of one store share, in files that their owner alone may read; print the names.

    DIR/pepper is for TOLLHOUSE_PEPPER_FILE, DIR/admin-key for TOLLHOUSE_ADMIN_KEY_FILE. What is there already is kept.

    \b
    tollhouse config secrets /etc/tollhouse/secrets
    """
    try:
        pepper, admin_key = make_secrets(directory, SystemEntropy())
    except (SecretFileError, OSError) as error:
        fail(FAILURE, str(error))
    if as_json:
        click.echo(json.dumps({"pepper": str(pepper), "admin_key": str(admin_key)}))
        return
    click.echo(f"TOLLHOUSE_PEPPER_FILE={pepper}\nTOLLHOUSE_ADMIN_KEY_FILE={admin_key}")


def _rows(settings: Settings, origins: Mapping[str, Origin]) -> Iterator[dict[str, Any]]:
    for name, value in settings.model_dump(mode="json").items():
        origin = origins.get(name, Origin(Source.DEFAULT))
        secret = isinstance(getattr(settings, name), SecretStr)
        shown = _USERINFO.sub(f"//{_MASK}@", value) if isinstance(value, str) else value
        yield {
            "name": name,
            "variable": variable(name),
            "value": _MASK if secret else shown,
            "source": origin.source,
            "from": origin.name,
        }


def _text(value: object) -> str | None:
    """A value as the environment would say it."""
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
