"""The control plane's JSON: what requests may say, and how keys look.

The rule of this file: a field that is not known is a mistake, and no document carries a digest or, but once, a secret.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    IPvAnyNetwork,
    ValidationError,
)

from gateway.core.field_name import shown
from gateway.core.key_terms import KeyTerms
from gateway.core.money import parse_usd
from gateway.core.principal import Scope, VirtualKey
from gateway.core.strict_json import Unreadable, read_object
from gateway.web import errors
from gateway.web.limit_rows import instant
from gateway.web.problem import GatewayError


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


NetworkText: TypeAlias = Annotated[IPvAnyNetwork, BeforeValidator(_text)]
UtcText: TypeAlias = Annotated[AwareDatetime, AfterValidator(_utc)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class IssueBody(_Body):
    """`POST /admin/v1/keys`. Without `scopes` the key has all of them."""

    team: str
    name: str
    scopes: tuple[Scope, ...] = tuple(Scope)
    models: tuple[str, ...] = ()
    networks: tuple[NetworkText, ...] = ()
    expires_at: UtcText | None = None
    test: bool = False
    project: str | None = None
    tags: dict[str, str] = {}

    def terms(self) -> KeyTerms:
        return KeyTerms(
            self.team,
            self.name,
            frozenset(self.scopes),
            self.models,
            self.networks,
            self.expires_at,
            self.test,
            self.project,
            self.tags,
        )


class CheckBody(_Body):
    """`POST /admin/v1/policies/check`: path below the policies directory -> TOML text."""

    files: dict[str, str]


class ApplyBody(_Body):
    """`POST /admin/v1/policies/apply`: also the teams that shall go, and the limits that may start anew."""

    files: dict[str, str]
    remove_teams: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()


class ReopenBody(_Body):
    """`POST /admin/v1/closed-prices/reopen`."""

    model: str


def _words(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= 200):
        raise ValueError("must be 1 to 200 printable characters")
    return text


def _usd(text: str) -> str:
    parse_usd(text)
    return text


Words: TypeAlias = Annotated[str, AfterValidator(_words)]
UsdText: TypeAlias = Annotated[str, AfterValidator(_usd)]


class VoidBody(_Body):
    """`POST /admin/v1/holds/{id}/void`: who says so, and why."""

    author: Words
    reason: Words


class CaptureBody(VoidBody):
    """`POST /admin/v1/holds/{id}/capture`: the job, and what it cost (a string of USD) if that is not what was held."""

    job: Words
    cost_usd: UsdText | None = None


B = TypeVar("B", bound=_Body)


def read(body: type[B], raw: bytes) -> B | GatewayError:
    """The body of a request, or the first thing wrong with it, its field named."""
    document = read_object(raw)
    if isinstance(document, Unreadable):
        return errors.invalid_input(document.field, document.message)
    try:
        return body.model_validate_json(raw)
    except ValidationError as mistakes:
        first = mistakes.errors(include_url=False, include_input=False)[0]
        field = _field(first["loc"])
        return errors.invalid_input(field, f'"{field}": {first["msg"].removeprefix("Value error, ")}.')


def _field(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in location)
    return "".join(parts).removeprefix(".")


def key_document(key: VirtualKey, now: datetime) -> dict[str, object]:
    """A key as its administrators see it."""
    return {
        "id": key.id,
        "team": key.team,
        "name": key.name,
        "status": _status(key, now),
        "test": key.test,
        "last_four": key.last_four,
        "scopes": sorted(key.scopes),
        "models": list(key.models),
        "networks": [str(network) for network in key.networks],
        "created_at": instant(key.created_at),
        "expires_at": instant(key.expires_at),
        "revoked_at": instant(key.revoked_at),
        "revision": key.revision,
        "project": key.project,
        "tags": dict(key.tags),
    }


def _status(key: VirtualKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"
