"""The settings as one frozen value, checked as a whole, secrets redacted."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    IPvAnyNetwork,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from gateway.core.hook_token import public_url_fault
from gateway.core.store_condition import Allowance
from gateway.core.webhook_address import AllowedHost
from gateway.settings.forms import (
    HOSTS_TEXT,
    LISTED,
    Address,
    Bytes,
    Delay,
    Listen,
    Seconds,
    Secret,
    Url,
    array_or_text,
    hosts,
    listed,
)

PREFIX: Final = "TOLLHOUSE_"
UPSTREAM_KEY: Final = "PIXELBYTE_API_KEY"
PROVIDER_URL: Final = "https://api.muvi.video"
# In the context of a validation: the fields that could not be read.
UNREAD: Final = "unread"

# Settings in whose place a file with their content may be named: by `_FILE` in the environment, `_file` in TOML.
_IN_FILES: Final = ("_key", "_secret", "_pepper", "_url")

_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_STORES: Final = "^(?:redis|rediss|unix)://"


def content_of(name: str) -> str | None:
    """The field whose content a file is that `name` names: `pepper` of `pepper_file`. None where there is no such."""
    field = name.removesuffix("_file")
    if field == name or name in Settings.model_fields or field not in Settings.model_fields:
        return None
    return field if variable(field).lower().endswith(_IN_FILES) else None


def _with_files(schema: dict[str, Any]) -> None:
    """A settings file may name files, too."""
    described: dict[str, dict[str, Any]] = schema["properties"]
    named = [f"{field}_file" for field in described]
    described |= {
        name: {
            "title": name.replace("_", " ").title(),
            "description": f"A file whose content is `{field}`, in its place.",
            "type": "string",
            "minLength": 1,
        }
        for name in named
        if (field := content_of(name)) is not None
    }


class Settings(BaseModel):
    """The program's settings, as environment variables or as the keys of one TOML file, which this describes."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        json_schema_extra=_with_files,
    )

    pixelbyte_api_key: Secret | None = None
    """The real upstream key. Left out: the built-in sandbox."""
    pixelbyte_api_key_file: Path | None = None
    """A file with the real upstream key, read again whenever it changes."""
    upstream_url: Url | None = None
    """Where submits go. Left out: the provider, or the sandbox. http:// only for loopback. Needs the key."""
    allow_plain_upstream: bool = False
    """Allows http:// to hosts that are not loopback: the key travels unencrypted."""
    upstream_exclusive: bool = True
    """Nobody else submits on this upstream account, so its list of jobs is evidence."""
    absent_after: Seconds = 600.0
    """How long after a submit's deadline its job must be listed; a hold without one is voided after as long again."""
    upstream_timeout: Seconds = 30.0
    """A submit's one deadline. Must be below the shutdown grace."""
    shutdown_delay: Delay = 0.0
    """How long a stopping process goes on as before, but not ready, so that load balancers leave it alone."""
    shutdown_grace: Seconds = 45.0
    """How long after that it lets running submits finish."""
    termination_grace: Seconds | None = None
    """When whoever stops the process kills it: delay and grace together must be below it. Left out: nobody says."""
    body_timeout: Seconds = 10.0
    """A request's body must have arrived whole."""
    store_init: Literal["auto", "never"] | None = None
    """Whether a start may make an empty store a fresh one. Left out: auto when the store is embedded, else never."""
    store_allow: Annotated[tuple[Allowance, ...], BeforeValidator(listed), array_or_text("|".join(Allowance))] = ()
    """What the store may lack all the same: volatile, evicting."""
    store_outage: Literal["refuse"] = "refuse"
    """What submits get while the store is unreachable."""
    public_url: Url | None = None
    """Where the upstream reaches the data plane. Left out: clients' webhook addresses go upstream as they are."""
    upstream_webhook_secret: Secret | None = None
    """By it we know the upstream's webhooks. The sandbox has one of its own."""
    webhook_allow_hosts: Annotated[tuple[AllowedHost, ...], BeforeValidator(hosts), HOSTS_TEXT, LISTED] = ()
    """Hosts or CIDRs that webhooks may name although they are private or loopback."""
    redis_url: Annotated[Secret | None, WithJsonSchema({"type": "string", "pattern": _STORES})] = None
    """The store. Left out: embedded, in the data directory."""
    database_url: Secret | None = None
    """The SQL ledger. Left out: SQLite in the data directory."""
    data_dir: Path = Path(".tollhouse")
    """The embedded store, the SQL ledger, the pepper, the admin key. One process at a time."""
    policies: Path | None = None
    """The directory of policy and price files. Left out: ./policies if there is one, else the packaged ones."""
    policies_watch: bool = False
    """Apply that directory whenever it changes."""
    listen: Listen = Address("127.0.0.1", 8080)
    """The data plane."""
    control_listen: Listen = Address("127.0.0.1", 8081)
    """The control plane. It serves metrics without a key: keep it private."""
    control_url: str = "http://127.0.0.1:8081"
    """Where the command line finds the control plane."""
    pepper: Secret | None = None
    """HMAC pepper of key digests. Left out: made in the data directory. Required with redis_url."""
    admin_key: Secret | None = None
    """The admin key. Left out: made in the data directory. Required with redis_url."""
    workers: Annotated[int, WithJsonSchema({"type": "integer", "const": 1})] = 1
    """Data-plane processes; only 1 so far."""
    max_body: Bytes = 1024**2
    """Larger bodies are refused."""
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(listed), LISTED] = ()
    """CIDRs whose X-Forwarded-For is believed, for the address lists of keys."""
    log_format: Literal["text", "json"] | None = None
    """The form of the log on stderr. Left out: text on a terminal, else json."""

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
    def _fits_together(self, info: ValidationInfo) -> Self:
        unread = frozenset((info.context or {}).get(UNREAD, ()))
        if contradictions := tuple(_contradictions(self, unread)):
            raise ValueError("\n".join(contradictions))
        return self


def _contradictions(settings: Settings, unread: frozenset[str]) -> Iterator[str]:
    """A sentence for each; none about what could not be read, which has its default here and may mean anything."""
    for fields, found in _CHECKS.items():
        if not unread & set(fields) and (sentence := found(settings)) is not None:
            yield sentence


def _upstream(settings: Settings) -> str | None:
    if settings.pixelbyte_api_key is not None and settings.pixelbyte_api_key_file is not None:
        return f"{UPSTREAM_KEY} and {UPSTREAM_KEY}_FILE are both set; set one of the two"
    if settings.upstream_url is None:
        return None
    url = urlsplit(settings.upstream_url)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
        return f'TOLLHOUSE_UPSTREAM_URL must be a plain URL such as "{PROVIDER_URL}"'
    if url.scheme == "http" and url.hostname not in _LOOPBACK and not settings.allow_plain_upstream:
        return (
            "TOLLHOUSE_UPSTREAM_URL would send the upstream key unencrypted; use https://, "
            "or set TOLLHOUSE_ALLOW_PLAIN_UPSTREAM=true"
        )
    if settings.sandboxed:
        return f"TOLLHOUSE_UPSTREAM_URL is set and {UPSTREAM_KEY} is not; set both, or neither for the sandbox"
    return None


def _store(settings: Settings) -> str | None:
    if settings.redis_url is None:
        return None
    scheme = settings.redis_url.get_secret_value().partition("://")[0]
    if scheme in ("redis+sentinel", "redis+cluster"):
        return f"TOLLHOUSE_REDIS_URL: {scheme}:// is not supported yet; use redis://, rediss:// or unix://"
    if scheme not in ("redis", "rediss", "unix"):
        return "TOLLHOUSE_REDIS_URL must begin with redis://, rediss:// or unix://"
    return None


def _public(settings: Settings) -> str | None:
    wrong = None if settings.public_url is None else public_url_fault(settings.public_url)
    return None if wrong is None else f"TOLLHOUSE_PUBLIC_URL {wrong}"


def _relay(settings: Settings) -> str | None:
    secret = settings.upstream_webhook_secret
    if secret is not None and settings.public_url is None:
        return "TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET does nothing without TOLLHOUSE_PUBLIC_URL; set both"
    if secret is None and settings.public_url is not None and not settings.sandboxed:
        return (
            "TOLLHOUSE_PUBLIC_URL is set, so TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET must be set too: "
            "by it we know that a webhook is the provider's"
        )
    return None


def _one_worker(settings: Settings) -> str | None:
    if settings.workers == 1:
        return None
    return "TOLLHOUSE_WORKERS: more than one data-plane process is not supported yet; set it to 1"


def _deadlines(settings: Settings) -> str | None:
    if settings.upstream_timeout < settings.shutdown_grace:
        return None
    return "TOLLHOUSE_UPSTREAM_TIMEOUT must be below TOLLHOUSE_SHUTDOWN_GRACE, or a stop loses answers"


def _stop(settings: Settings) -> str | None:
    killed = settings.termination_grace
    if killed is None or settings.shutdown_delay + settings.shutdown_grace < killed:
        return None
    return (
        "TOLLHOUSE_SHUTDOWN_DELAY and TOLLHOUSE_SHUTDOWN_GRACE together must be below TOLLHOUSE_TERMINATION_GRACE, "
        "or whoever stops the process kills it in the middle of a submit"
    )


# The fields that a contradiction is about, and what finds it.
_CHECKS: Final[Mapping[tuple[str, ...], Callable[[Settings], str | None]]] = {
    ("upstream_url", "allow_plain_upstream", "pixelbyte_api_key", "pixelbyte_api_key_file"): _upstream,
    ("redis_url",): _store,
    ("public_url",): _public,
    ("public_url", "upstream_webhook_secret", "pixelbyte_api_key", "pixelbyte_api_key_file"): _relay,
    ("workers",): _one_worker,
    ("upstream_timeout", "shutdown_grace"): _deadlines,
    ("shutdown_delay", "shutdown_grace", "termination_grace"): _stop,
}


def variable(field: str) -> str:
    """The environment variable of a field."""
    name = field.upper()
    return name if name.startswith(UPSTREAM_KEY) else PREFIX + name
