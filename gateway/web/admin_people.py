"""The control plane's routes for admin keys: who may administer, as what."""

from typing import Any, Final

from gateway.core.admin_key import AdminKey, AdminTerms
from gateway.core.key_terms import Objection
from gateway.core.role import Power, Role
from gateway.service.administrators import IssuedAdmin
from gateway.service.keyring import NoSuchKey, UnknownTeam
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import Instant, UtcText
from gateway.web.limit_rows import instant
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation
from gateway.web.problem import GatewayError


class IssueAdminBody(Body):
    """Whose key it is, and what for; `team` for a team lead alone."""

    name: str
    role: Role
    team: str | None = None
    expires_at: UtcText | None = None


class AdminKeyDocument(Document):
    """An admin key, without its secret."""

    id: str
    name: str
    role: Role
    team: str | None
    last_four: str
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class IssuedAdminKey(AdminKeyDocument):
    """A new admin key, with its secret: shown this once, kept nowhere, and null in a repetition."""

    key: str | None


class AdminKeyList(Document):
    """The oldest first. The bootstrap key of the settings is not among them."""

    admin_keys: tuple[AdminKeyDocument, ...]


async def list_admin_keys(call: Call[Nothing, None]) -> Answer:
    keys = await call.control.administrators.list()
    return Answer(AdminKeyList(admin_keys=tuple(AdminKeyDocument(**_facts(key)) for key in keys)))


async def issue_admin_key(call: Call[Nothing, IssueAdminBody]) -> Answer | GatewayError:
    body = call.body
    match await call.control.administrators.issue(AdminTerms(body.name, body.role, body.team, body.expires_at)):
        case Objection(name, message):
            return errors.invalid_input(name, message)
        case UnknownTeam(team):
            return admin_errors.team_unknown(team)
        case IssuedAdmin(key, secret):
            facts = _facts(key)
            return Answer(IssuedAdminKey(**facts, key=secret), Change(key.id, key.team, after=facts))


async def revoke_admin_key(call: Call[Nothing, None]) -> Answer | GatewayError:
    revoked = await call.control.administrators.revoke(call.names["id"])
    if isinstance(revoked, NoSuchKey):
        return admin_errors.key_not_found(revoked.id)
    facts = _facts(revoked)
    change = Change(revoked.id, revoked.team, after={"revoked_at": facts["revoked_at"]})
    return Answer(AdminKeyDocument(**facts), change)


def _facts(key: AdminKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "team": key.team,
        "last_four": key.last_four,
        "created_at": instant(key.created_at),
        "expires_at": instant(key.expires_at),
        "revoked_at": instant(key.revoked_at),
    }


_KEYS: Final = "/admin/v1/admin-keys"

OPERATIONS: Final = (
    Operation("GET", _KEYS, "List admin keys", Power.ADMIN_KEYS, list_admin_keys, AdminKeyList),
    Operation(
        *("POST", _KEYS, "Issue an admin key", Power.ADMIN_KEYS, issue_admin_key, IssuedAdminKey),
        body=IssueAdminBody,
        status=201,
        errors=("TEAM_UNKNOWN",),
        action="admin_key.issue",
        sensitive="key",
    ),
    Operation(
        *("POST", f"{_KEYS}/{{id}}/revoke", "Revoke an admin key", Power.ADMIN_KEYS),
        *(revoke_admin_key, AdminKeyDocument),
        errors=("KEY_NOT_FOUND",),
        action="admin_key.revoke",
    ),
)
