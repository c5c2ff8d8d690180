"""The errors that only the control plane answers with; what it shares with the data plane is in `errors.py`."""

from collections.abc import Mapping
from typing import Final

from gateway.core.complaint import Complaint
from gateway.core.field_name import shown
from gateway.core.recall import HoldRecord
from gateway.core.role import Administrator, Power
from gateway.service.policy_desk import Complaints, Conflict, OtherOrganization, RemovesTeams, ResetsLimits
from gateway.web.problem import GatewayError

# Code -> its status.
CODES: Final[Mapping[str, int]] = {
    "TEAM_UNKNOWN": 404,
    "KEY_NOT_FOUND": 404,
    "KEY_NOT_ACTIVE": 409,
    "PRICE_NOT_CLOSED": 404,
    "HOLD_NOT_FOUND": 404,
    "JOB_NOT_FOUND": 404,
    "HOLD_NOT_IN_DOUBT": 409,
    "JOB_TAKEN": 409,
    "WEBHOOK_NOT_FOUND": 404,
    "POLICY_NOT_FOUND": 404,
    "POLICY_INVALID": 422,
    "POLICY_REMOVES_TEAMS": 409,
    "POLICY_RESETS_LIMITS": 409,
    "POLICY_CONFLICT": 409,
    "ORGANIZATION_MISMATCH": 409,
    "CHANGED_MEANWHILE": 412,
    "SECRET_LOST": 409,
    "IDEMPOTENCY_IN_PROGRESS": 409,
    "OPERATION_NOT_ALLOWED": 403,
    "ARCHIVE_UNAVAILABLE": 503,
    "STORE_UNAVAILABLE": 503,
}


def _error(code: str, message: str, details: Mapping[str, object] | None = None) -> GatewayError:
    return GatewayError(CODES[code], code, message, details or {})


def not_allowed(by: Administrator, power: Power) -> GatewayError:
    message = f'This admin key ("{by.name}", {by.role}) may not do this: it lacks "{power}".'
    return _error("OPERATION_NOT_ALLOWED", message, {"role": by.role, "needs": power})


def changed_meanwhile(kind: str, name: str) -> GatewayError:
    return _error("CHANGED_MEANWHILE", f"The {kind} is not what If-Match says ({name}). Nothing changed; look again.")


def in_progress() -> GatewayError:
    message = "A request with this idempotency key is being answered. Look at the audit trail, or ask again."
    return GatewayError(CODES["IDEMPOTENCY_IN_PROGRESS"], "IDEMPOTENCY_IN_PROGRESS", message, retry_after=2)


def team_unknown(team: str) -> GatewayError:
    message = f'The live policies have no team "{team}". Add teams/{team}.toml and apply it first.'
    return _error("TEAM_UNKNOWN", message, {"field": "team"})


def key_not_found(key_id: str) -> GatewayError:
    return _error("KEY_NOT_FOUND", f'There is no key "{key_id}".')


def key_not_active(key_id: str) -> GatewayError:
    return _error("KEY_NOT_ACTIVE", f'Key "{key_id}" is revoked or has expired; issue another. Nothing changed.')


def price_not_closed(model: str) -> GatewayError:
    return _error("PRICE_NOT_CLOSED", f'No price of "{model}" is closed.')


def hold_not_found(hold_id: str) -> GatewayError:
    return _error("HOLD_NOT_FOUND", f'There is no hold "{hold_id}".')


def job_not_found(name: str) -> GatewayError:
    message = f'The store knows no job and no hold "{name}"; what ended 90 days ago is in the SQL ledger alone.'
    return _error("JOB_NOT_FOUND", message)


def hold_not_in_doubt(record: HoldRecord) -> GatewayError:
    """Only what nobody knows is decided by a person."""
    state = str(record.state)
    job = "" if record.job is None else f" Its job is {record.job}."
    message = f"Hold {record.hold.id} is {state}; only holds in doubt are decided by hand.{job} Nothing changed."
    return _error("HOLD_NOT_IN_DOUBT", message, {"state": state, "job": record.job})


def job_taken(job: str, owner: str) -> GatewayError:
    return _error("JOB_TAKEN", f"Job {job} belongs to hold {owner}. Nothing changed.", {"job": job, "hold": owner})


def webhook_not_found(event_id: str) -> GatewayError:
    return _error("WEBHOOK_NOT_FOUND", f'There is no webhook "{event_id}", or not any more.')


def secret_lost(team: str) -> GatewayError:
    message = f'The webhook secret of team "{team}" went with the pepper it was made with. Rotate it.'
    return _error("SECRET_LOST", message)


def no_policies() -> GatewayError:
    return _error("POLICY_NOT_FOUND", "No policies are live yet. Apply some.")


def no_such_version(version: str) -> GatewayError:
    return _error("POLICY_NOT_FOUND", f'No policy version "{shown(version)}" was ever live. List those that were.')


def not_published(
    refused: Complaints | OtherOrganization | RemovesTeams | ResetsLimits | Conflict,
) -> GatewayError:
    """Why files did not become live, or could not."""
    match refused:
        case Complaints(complaints):
            message = f"The files have {len(complaints)} mistake{'s' * (len(complaints) != 1)}; nothing changed."
            return _error("POLICY_INVALID", message, {"complaints": listed(complaints)})
        case OtherOrganization(named, ours):
            message = f'The files are for the organization "{named}", and this store serves "{ours}".'
            return _error("ORGANIZATION_MISMATCH", message, {"named": named, "ours": ours})
        case RemovesTeams(teams):
            message = (
                f"The files leave out {', '.join(teams)}. Nothing changed; name those that shall go (--remove-team)."
            )
            return _error("POLICY_REMOVES_TEAMS", message, {"teams": list(teams)})
        case ResetsLimits(limits):
            message = (
                f"What was counted on {', '.join(limits)} would count no more. "
                "Nothing changed; name those that may start at zero (--reset)."
            )
            return _error("POLICY_RESETS_LIMITS", message, {"limits": list(limits)})
        case Conflict():
            message = "Another version is live than the one you went by. Nothing changed; plan again, then apply."
            return _error("POLICY_CONFLICT", message)


def listed(complaints: tuple[Complaint, ...]) -> list[dict[str, str | int | None]]:
    """Mistakes in policy files, as JSON."""
    return [
        {"file": one.file, "key": one.key, "message": one.message, "line": one.line, "suggestion": one.suggestion}
        for one in complaints
    ]


def archive_unavailable(why: str) -> GatewayError:
    message = f"The SQL ledger does not answer: {why}. What is not exported yet waits in the store; try again."
    return GatewayError(CODES["ARCHIVE_UNAVAILABLE"], "ARCHIVE_UNAVAILABLE", message, retry_after=5)


def store_unavailable() -> GatewayError:
    message = "The store does not answer. Whether anything changed is not known: look, then try again."
    return GatewayError(CODES["STORE_UNAVAILABLE"], "STORE_UNAVAILABLE", message, retry_after=2)
