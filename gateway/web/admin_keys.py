"""The control plane's routes for virtual keys: a secret is shown once, when it is made."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from gateway.core.key_list import DEFAULT_LIMIT, MOST, KeyStatus, KeysWanted, cursor_of, read_cursor, status_of
from gateway.core.key_terms import KeyTerms, Objection
from gateway.core.principal import Previous, Scope, VirtualKey
from gateway.core.role import Power
from gateway.service.keyring import ChangedMeanwhile, Issued, NoSuchKey, NotActive, Revoked, UnknownTeam
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import Instant, NetworkText, UtcText
from gateway.web.administration import led, matches
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation, Query
from gateway.web.problem import GatewayError


class KeyQuery(Query):
    """Only keys that are all of what is given. `expires_by`: usable ones that expire until then. `cursor` is one that a
    page named."""

    team: str | None = None
    status: KeyStatus | None = None
    expires_by: UtcText | None = None
    project: str | None = None
    test: bool | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = DEFAULT_LIMIT
    cursor: str | None = None


class IssueBody(Body):
    """What a new key shall be. Without `scopes` it has all of them; empty `models` and `networks` allow all."""

    team: str
    name: str
    scopes: tuple[Scope, ...] = tuple(Scope)
    models: tuple[str, ...] = ()
    networks: tuple[NetworkText, ...] = ()
    expires_at: UtcText | None = None
    test: bool = False
    project: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)

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


class RotateBody(Body):
    """How long the secret that is replaced opens the key still; 0: not at all. At most 90 days."""

    grace_seconds: int = Field(default=86_400, ge=0, le=90 * 86_400)


class PreviousSecret(Document):
    """The secret before the last rotation: it opens the key until then."""

    last_four: str
    until: Instant


class Key(Document):
    """A key as its administrators see it: without its secret."""

    id: str
    team: str
    name: str
    status: KeyStatus
    test: bool
    last_four: str
    scopes: tuple[str, ...]
    models: tuple[str, ...]
    networks: tuple[str, ...]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    revision: int
    project: str | None
    tags: dict[str, str]
    previous: PreviousSecret | None


class IssuedKey(Key):
    """A key, with its new secret: shown this once, kept nowhere, and null in a repetition."""

    key: str | None


class ListedKey(Key):
    """`used_in` is the hour in which it was last used: noted some seconds later, null where it never was."""

    used_in: Instant | None


class Keys(Document):
    """The oldest first; `next_cursor`, if there may be more."""

    keys: tuple[ListedKey, ...]
    next_cursor: str | None


async def list_keys(call: Call[KeyQuery, None]) -> Answer | GatewayError:
    query, now = call.query, call.control.clock.now()
    after = None if query.cursor is None else read_cursor(query.cursor)
    if query.cursor is not None and after is None:
        return errors.invalid_input("cursor", '"cursor" must be one that a page of this list named.')
    team = led(call.by, query.team)
    wanted = KeysWanted(query.limit, after, team, query.status, query.expires_by, query.project, query.test)
    page = await call.control.key_index.page(wanted, now)
    rows = tuple(listed(row.key, row.used_in, now) for row in page.rows)
    return Answer(Keys(keys=rows, next_cursor=None if page.following is None else cursor_of(page.following)))


async def issue_key(call: Call[Nothing, IssueBody]) -> Answer | GatewayError:
    terms = call.body.terms()
    if not call.by.sees(terms.team):
        return admin_errors.team_unknown(terms.team)
    match await call.control.keyring.issue(terms):
        case Objection(name, message):
            return errors.invalid_input(name, message)
        case UnknownTeam(team):
            return admin_errors.team_unknown(team)
        case Issued(key, secret):
            facts = _facts(key, call.control.clock.now())
            return Answer(IssuedKey(**facts, key=secret), Change(key.id, key.team, after=facts))


async def show_key(call: Call[Nothing, None]) -> Answer | GatewayError:
    key = await call.control.keyring.show(call.names["id"])
    if isinstance(key, NoSuchKey) or not call.by.sees(key.team):
        return admin_errors.key_not_found(call.names["id"])
    used_in = await call.control.key_index.used_in(key.id)
    return Answer(listed(key, used_in, call.control.clock.now()), etag=str(key.revision))


async def rotate_key(call: Call[Nothing, RotateBody]) -> Answer | GatewayError:
    before = await _changeable(call)
    if isinstance(before, GatewayError):
        return before
    match await call.control.keyring.rotate(before, timedelta(seconds=call.body.grace_seconds)):
        case NotActive(key_id):
            return admin_errors.key_not_active(key_id)
        case ChangedMeanwhile(key_id):
            return admin_errors.changed_meanwhile("key", key_id)
        case Issued(key, secret):
            facts = _facts(key, call.control.clock.now())
            after = {name: facts[name] for name in ("last_four", "previous", "revision")}
            change = Change(key.id, key.team, before={"last_four": before.last_four}, after=after)
            return Answer(IssuedKey(**facts, key=secret), change, etag=str(key.revision))


async def revoke_key(call: Call[Nothing, None]) -> Answer | GatewayError:
    before = await _changeable(call)
    if isinstance(before, GatewayError):
        return before
    as_seen = None if call.if_match is None else before.revision
    match await call.control.keyring.revoke(before.id, as_seen):
        case NoSuchKey(key_id):
            return admin_errors.key_not_found(key_id)
        case ChangedMeanwhile(key_id):
            return admin_errors.changed_meanwhile("key", key_id)
        case Revoked(key):
            was, facts = status_of(before, call.control.clock.now()), _facts(key, call.control.clock.now())
            change = Change(key.id, key.team, before={"status": was}, after={"status": facts["status"]})
            return _shown(call, key, change)


async def _changeable(call: Call[Any, Any]) -> VirtualKey | GatewayError:
    """The key that is to be changed, if whoever asks sees it and it is as they saw it."""
    key_id = call.names["id"]
    key = await call.control.keyring.show(key_id)
    if isinstance(key, NoSuchKey) or not call.by.sees(key.team):
        return admin_errors.key_not_found(key_id)
    return key if matches(call.if_match, str(key.revision)) else admin_errors.changed_meanwhile("key", key_id)


def listed(key: VirtualKey, used_in: datetime | None, now: datetime) -> ListedKey:
    """A key as lists show it."""
    return ListedKey(**_facts(key, now), used_in=instant(used_in))


def _shown(call: Call[Any, Any], key: VirtualKey, change: Change | None = None) -> Answer:
    return Answer(Key(**_facts(key, call.control.clock.now())), change, etag=str(key.revision))


def _facts(key: VirtualKey, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "team": key.team,
        "name": key.name,
        "status": status_of(key, now),
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
        "previous": None if key.previous is None else _previous(key.previous),
    }


def _previous(secret: Previous) -> dict[str, Any]:
    return {"last_four": secret.last_four, "until": instant(secret.until)}


OPERATIONS: Final = (
    Operation("GET", "/admin/v1/keys", "List keys", Power.READ_KEYS, list_keys, Keys, KeyQuery),
    Operation(
        *("POST", "/admin/v1/keys", "Issue a key", Power.CHANGE_KEYS, issue_key, IssuedKey),
        body=IssueBody,
        status=201,
        errors=("TEAM_UNKNOWN",),
        action="key.issue",
        sensitive="key",
    ),
    Operation(
        *("GET", "/admin/v1/keys/{id}", "Show a key", Power.READ_KEYS, show_key, ListedKey),
        errors=("KEY_NOT_FOUND",),
        tagged=True,
    ),
    Operation(
        *("POST", "/admin/v1/keys/{id}/rotate", "Rotate a key", Power.CHANGE_KEYS, rotate_key, IssuedKey),
        body=RotateBody,
        errors=("KEY_NOT_FOUND", "KEY_NOT_ACTIVE", "CHANGED_MEANWHILE"),
        action="key.rotate",
        tagged=True,
        sensitive="key",
    ),
    Operation(
        *("POST", "/admin/v1/keys/{id}/revoke", "Revoke a key", Power.CHANGE_KEYS, revoke_key, Key),
        errors=("KEY_NOT_FOUND", "CHANGED_MEANWHILE"),
        action="key.revoke",
        tagged=True,
    ),
)
