"""Settings: defaults, then one TOML file, then the environment. Frozen, checked as a whole, secrets redacted.

Every setting is a field of `Settings`; its variable is `TOLLHOUSE_` and the field's name in capitals (the upstream key
keeps the provider's name, `PIXELBYTE_API_KEY`), its key in the file the field's name. Secrets and URLs may instead be
the content of the file that `<VARIABLE>_FILE` names.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    model_validator,
)

from gateway.core.hook_token import public_url_fault
from gateway.core.store_condition import Allowance
from gateway.core.webhook_address import AllowedHost, allowed_host

PREFIX: Final = "TOLLHOUSE_"
UPSTREAM_KEY: Final = "PIXELBYTE_API_KEY"
PROVIDER_URL: Final = "https://api.muvi.video"

_FILE_SUFFIXES: Final = ("_KEY", "_SECRET", "_PEPPER", "_URL")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES: Final = {"KiB": 1024, "MiB": 1024**2, "B": 1}
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


class SettingsError(Exception):
    """The settings do not fit together; `sentences` says each mistake in one sentence."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a host and port, or a unix socket."""

    host: str
    port: int
    path: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"http://{host}:{self.port}"


def _number(text: object, units: Mapping[str, float], example: str) -> float:
    if isinstance(text, str):
        for unit, factor in units.items():
            digits = text.removesuffix(unit)
            if digits != text and digits.isascii() and digits.isdigit():
                return int(digits) * factor
    raise ValueError(f'write a number and a unit, such as "{example}"')


def _duration(text: object) -> object:
    return text if isinstance(text, float) else _number(text, _SECONDS, "30s")


def _size(text: object) -> object:
    return text if type(text) is int else int(_number(text, _BYTES, "1MiB"))


def _address(text: object) -> object:
    if not isinstance(text, str):
        return text
    if text.startswith("unix:"):
        return Address("", 0, text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError('write host:port, such as "127.0.0.1:8080", or unix:path')
    return Address(host.strip("[]"), int(port))


def _list(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


def _hosts(text: object) -> object:
    names = _list(text)
    return [allowed_host(name) for name in names] if isinstance(names, list) else names


Seconds: TypeAlias = Annotated[float, BeforeValidator(_duration), Field(gt=0)]
Delay: TypeAlias = Annotated[float, BeforeValidator(_duration), Field(ge=0)]
Bytes: TypeAlias = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Listen: TypeAlias = Annotated[Address, BeforeValidator(_address)]


class Settings(BaseModel):
    """The program's settings. Durations are seconds, sizes bytes; None means what the field's comment says."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    pixelbyte_api_key: SecretStr | None = None  # none: the sandbox
    pixelbyte_api_key_file: Path | None = None  # re-read when it changes
    upstream_url: str | None = None  # none: the provider's, or the sandbox's
    allow_plain_upstream: bool = False
    upstream_exclusive: bool = True  # nobody else submits on this account: its list of jobs is evidence
    absent_after: Seconds = 600.0  # how long after a submit its job must be listed
    upstream_timeout: Seconds = 30.0
    shutdown_delay: Delay = 0.0  # what a stopping process waits until nobody sends it requests any more
    shutdown_grace: Seconds = 45.0
    termination_grace: Seconds | None = None  # when whoever runs us kills us; none: nobody says
    body_timeout: Seconds = 10.0
    store_init: Literal["auto", "never"] | None = None  # none: auto when embedded, else never
    store_allow: Annotated[tuple[Allowance, ...], BeforeValidator(_list)] = ()  # what the store may lack
    store_outage: Literal["refuse"] = "refuse"
    public_url: str | None = None  # none: nobody calls us, and clients' webhook addresses go upstream as they are
    upstream_webhook_secret: SecretStr | None = None  # the sandbox: one of its own
    webhook_allow_hosts: Annotated[tuple[AllowedHost, ...], BeforeValidator(_hosts)] = ()
    redis_url: SecretStr | None = None  # none: embedded
    database_url: SecretStr | None = None  # none: SQLite in the data directory
    data_dir: Path = Path(".tollhouse")
    policies: Path | None = None  # none: ./policies if present, else the packaged ones
    policies_watch: bool = False  # apply that directory whenever it changes
    listen: Listen = Address("127.0.0.1", 8080)
    control_listen: Listen = Address("127.0.0.1", 8081)
    control_url: str = "http://127.0.0.1:8081"
    pepper: SecretStr | None = None  # none: made in the data directory
    admin_key: SecretStr | None = None  # none: made in the data directory
    workers: int = 1
    max_body: Bytes = 1024**2
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(_list)] = ()
    log_format: Literal["text", "json"] | None = None  # none: text on a terminal

    @property
    def embedded(self) -> bool:
        """Whether the store is our own child process."""
        return self.redis_url is None

    @property
    def sandboxed(self) -> bool:
        """Whether there is no real upstream to talk to."""
        return self.pixelbyte_api_key is None and self.pixelbyte_api_key_file is None

    @property
    def may_initialise(self) -> bool:
        """Whether an empty store may be started fresh."""
        return self.store_init == "auto" if self.store_init else self.embedded

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_upstream(self)
        _check_store(self)
        _check_relay(self)
        if self.workers != 1:
            raise ValueError("TOLLHOUSE_WORKERS: more than one data-plane process is not supported yet; set it to 1")
        _check_stop(self)
        return self


def _check_upstream(settings: Settings) -> None:
    if settings.pixelbyte_api_key is not None and settings.pixelbyte_api_key_file is not None:
        raise ValueError(f"{UPSTREAM_KEY} and {UPSTREAM_KEY}_FILE are both set; set one of the two")
    if settings.upstream_url is None:
        return
    url = urlsplit(settings.upstream_url)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
        raise ValueError(f'TOLLHOUSE_UPSTREAM_URL must be a plain URL such as "{PROVIDER_URL}"')
    if url.scheme == "http" and url.hostname not in _LOOPBACK and not settings.allow_plain_upstream:
        raise ValueError(
            "TOLLHOUSE_UPSTREAM_URL would send the upstream key unencrypted; use https://, "
            "or set TOLLHOUSE_ALLOW_PLAIN_UPSTREAM=true"
        )
    if settings.sandboxed:
        raise ValueError(
            f"TOLLHOUSE_UPSTREAM_URL is set and {UPSTREAM_KEY} is not; set both, or neither for the sandbox"
        )


def _check_store(settings: Settings) -> None:
    if settings.redis_url is None:
        return
    scheme = settings.redis_url.get_secret_value().partition("://")[0]
    if scheme in ("redis+sentinel", "redis+cluster"):
        raise ValueError(f"TOLLHOUSE_REDIS_URL: {scheme}:// is not supported yet; use redis://, rediss:// or unix://")
    if scheme not in ("redis", "rediss", "unix"):
        raise ValueError("TOLLHOUSE_REDIS_URL must begin with redis://, rediss:// or unix://")


def _check_stop(settings: Settings) -> None:
    if settings.upstream_timeout >= settings.shutdown_grace:
        raise ValueError("TOLLHOUSE_UPSTREAM_TIMEOUT must be below TOLLHOUSE_SHUTDOWN_GRACE, or a stop loses answers")
    killed = settings.termination_grace
    if killed is not None and settings.shutdown_delay + settings.shutdown_grace >= killed:
        raise ValueError(
            "TOLLHOUSE_SHUTDOWN_DELAY and TOLLHOUSE_SHUTDOWN_GRACE together must be below TOLLHOUSE_TERMINATION_GRACE, "
            "or whoever stops the process kills it in the middle of a submit"
        )


def _check_relay(settings: Settings) -> None:
    if settings.public_url is not None and (wrong := public_url_fault(settings.public_url)) is not None:
        raise ValueError(f"TOLLHOUSE_PUBLIC_URL {wrong}")
    secret = settings.upstream_webhook_secret
    if secret is not None and settings.public_url is None:
        raise ValueError("TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET does nothing without TOLLHOUSE_PUBLIC_URL; set both")
    if secret is None and settings.public_url is not None and not settings.sandboxed:
        raise ValueError(
            "TOLLHOUSE_PUBLIC_URL is set, so TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET must be set too: "
            "by it we know that a webhook is the provider's"
        )


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError naming every variable, key or file that is wrong."""
    values = _from_file(environ.get(f"{PREFIX}CONFIG")) | _from_environment(environ)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(tuple(_sentence(dict(detail)) for detail in error.errors())) from None


def require_shared_secrets(settings: Settings) -> None:
    """A store that is not ours alone needs its secrets given: made up here, each gateway would have its own.

    Raises SettingsError. Only a gateway needs this; the other commands do not.
    """
    missing = [name for name in ("pepper", "admin_key") if getattr(settings, name) is None]
    if missing and not settings.embedded:
        names = " and ".join(f"{variable(name)}_FILE" for name in missing)
        raise SettingsError((f"TOLLHOUSE_REDIS_URL is set, so {names} must be set too: all gateways share them",))


def variable(field: str) -> str:
    """The environment variable of a field."""
    name = field.upper()
    return name if name.startswith(UPSTREAM_KEY) else PREFIX + name


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError((f"TOLLHOUSE_CONFIG: {path}: {error}",)) from None
    unknown = sorted(set(document) - set(Settings.model_fields))
    if unknown:
        raise SettingsError(tuple(f"{path}: {key}: there is no such setting" for key in unknown))
    return document


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for name, value in sorted(environ.items()):
        if name == f"{PREFIX}CONFIG" or not name.startswith((PREFIX, UPSTREAM_KEY)):
            continue
        try:
            field, content = _setting(name, value)
        except (OSError, UnicodeDecodeError, KeyError) as error:
            mistakes.append(f"{name}: {error.args[0] if isinstance(error, KeyError) else error}")
            continue
        if field in values:
            mistakes.append(f"{name}: {variable(field)} is set as well; set one of the two")
        values[field] = content
    if mistakes:
        raise SettingsError(tuple(mistakes))
    return values


def _setting(name: str, value: str) -> tuple[str, str]:
    if not value:
        raise KeyError("is set and empty; give it a value or unset it")
    field = name.removeprefix(PREFIX).lower()
    if field in Settings.model_fields:
        return field, value
    base = name.removesuffix("_FILE")
    field = base.removeprefix(PREFIX).lower()
    if base != name and base.endswith(_FILE_SUFFIXES) and field in Settings.model_fields:
        return field, Path(value).read_text(encoding="utf-8").strip()
    raise KeyError("there is no such setting")


def _sentence(detail: Mapping[str, Any]) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    return f"{variable(str(detail['loc'][0]))}: {message[0].lower()}{message[1:]}"
