"""Where settings come from: defaults, then one TOML file, then the environment. Every mistake is found at once.

The rule of this file: a sentence names the variable, key or file that is wrong, and repeats no secret.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from gateway.settings.model import PREFIX, UNREAD, UPSTREAM_KEY, Settings, content_of, variable

_CONFIG: Final = f"{PREFIX}CONFIG"


class SettingsError(Exception):
    """The settings do not fit together; `sentences` says each mistake in one sentence."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Source(StrEnum):
    """What gave a setting its value: the settings file (or a file named in it), a variable, or a file named in one."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    ENVIRONMENT_FILE = "environment file"


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of one setting, and its name: the variable, or the path of the TOML file."""

    source: Source
    name: str | None = None


@dataclass(slots=True)
class _Given:
    """What was given, by field, and what is wrong with the rest."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


def load_settings(environ: Mapping[str, str], serving: bool = False) -> Settings:
    """Read the settings; `serving`: for a gateway, which needs some that other commands do not.

    Raises SettingsError naming every variable, key or file that is wrong.
    """
    return load_with_origins(environ, serving)[0]


def load_with_origins(environ: Mapping[str, str], serving: bool = False) -> tuple[Settings, Mapping[str, Origin]]:
    """As `load_settings`, and where each field came from. What is not named has its default."""
    given = _Given()
    _read_file(environ.get(_CONFIG), given)
    _read_environment(environ, given)
    settings, wrong = _validated(given.values)
    sentences = [*given.sentences, *wrong, *(_unshared(given.values) if serving else ())]
    if sentences or settings is None:
        raise SettingsError(tuple(sentences))
    return settings, given.origins


def _validated(values: Mapping[str, Any]) -> tuple[Settings | None, list[str]]:
    """The settings, or every mistake: also the contradictions among those that could be read."""
    try:
        return Settings.model_validate(values), []
    except ValidationError as error:
        sentences = list(_sentences(error))
        unread = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
    if unread:
        rest = {name: value for name, value in values.items() if name not in unread}
        try:
            Settings.model_validate(rest, context={UNREAD: unread})
        except ValidationError as error:
            sentences += _sentences(error)
    return None, sentences


def _unshared(given: Collection[str]) -> Iterator[str]:
    """A store that is not ours alone needs its secrets given: made up here, each gateway would have its own."""
    missing = [name for name in ("pepper", "admin_key") if name not in given]
    if missing and "redis_url" in given:
        names = " and ".join(f"{variable(name)}_FILE" for name in missing)
        yield f"TOLLHOUSE_REDIS_URL is set, so {names} must be set too: all gateways share them"


def _read_file(path: str | None, given: _Given) -> None:
    if path is None:
        return
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        given.sentences.append(f"{_CONFIG}: {path}: {error}")
        return
    for key, value in sorted(document.items()):
        setting, content = key, value
        if key not in Settings.model_fields:
            setting = content_of(key) or ""
            if not setting:
                given.sentences.append(f"{path}: {key}: there is no such setting")
                continue
            if setting in document:
                given.sentences.append(f"{path}: {key}: {setting} is set as well; set one of the two")
            try:
                content = _content(value)
            except (OSError, UnicodeDecodeError, TypeError) as error:
                given.sentences.append(f"{path}: {key}: {error}")
                continue
        given.values[setting], given.origins[setting] = content, Origin(Source.FILE, path)


def _read_environment(environ: Mapping[str, str], given: _Given) -> None:
    seen: set[str] = set()
    for name, value in sorted(environ.items()):
        if name == _CONFIG or not name.startswith((PREFIX, UPSTREAM_KEY)):
            continue
        try:
            setting, content, source = _setting(name, value)
        except (OSError, UnicodeDecodeError, KeyError) as error:
            given.sentences.append(f"{name}: {error.args[0] if isinstance(error, KeyError) else error}")
            continue
        if setting in seen:
            given.sentences.append(f"{name}: {variable(setting)} is set as well; set one of the two")
        seen.add(setting)
        given.values[setting], given.origins[setting] = content, Origin(source, name)


def _setting(name: str, value: str) -> tuple[str, str, Source]:
    if not value:
        raise KeyError("is set and empty; give it a value or unset it")
    setting = name.removeprefix(PREFIX).lower()
    if setting in Settings.model_fields:
        return setting, value, Source.ENVIRONMENT
    if (named := content_of(setting)) is not None:
        return named, _content(value), Source.ENVIRONMENT_FILE
    raise KeyError("there is no such setting")


def _content(path: object) -> str:
    """What a file that is named in a setting's place holds. Raises OSError, UnicodeDecodeError and TypeError."""
    if not isinstance(path, str):
        raise TypeError("the path of a file is text")
    return Path(path).read_text(encoding="utf-8").strip()


def _sentences(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        message = str(detail["msg"]).removeprefix("Value error, ")
        if detail["loc"]:
            yield f"{variable(str(detail['loc'][0]))}: {message[0].lower()}{message[1:]}"
        else:
            yield from message.split("\n")
