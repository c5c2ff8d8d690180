"""Every key name in the store. One hash tag for all, so that one script can hold organization, team and key together.

A store serves one organization. Keys that expire: `rate:*`, `overages:*`, `upload:*`, `lease:*`, `repeat:*`, the
tombstone of a hold that was voided before it was ever made, what lets a submit be recognised (`idempotency:*`,
`twins:*`) once no hold in it is open any more, and an event (`event:*`) that was sent or given up. Nothing that holds
money does.
"""

from typing import Final

from gateway.core.account import Account, RateDemand
from gateway.core.idempotency import twin
from gateway.core.ledger import Hold, State

_TAG: Final = "{toll}:"

EVERY: Final = _TAG + "*"
STORE: Final = _TAG + "store"
POLICY: Final = _TAG + "policy"
POLICY_HISTORY: Final = _TAG + "policy-history"
ENTRIES: Final = _TAG + "entries"
REFUSED: Final = _TAG + "refused"
ENDED: Final = _TAG + "holds:ended"
OPEN: Final = {state: f"{_TAG}holds:{state}" for state in (State.HELD, State.IN_DOUBT, State.CAPTURED, State.LOST)}
PAST_ACCOUNTS: Final = _TAG + "accounts:past"
KEYS: Final = _TAG + "keys"
EXPIRING: Final = _TAG + "keys:expiring"
ADMIN_KEYS: Final = _TAG + "admin_keys"
GATEWAYS: Final = _TAG + "gateways"
CLOSED: Final = _TAG + "closed"
TEAM_SECRETS: Final = _TAG + "team_secrets"
EVENTS: Final = _TAG + "events"
TEAMS_DUE: Final = _TAG + "events:teams"
ALERTS: Final = _TAG + "alerts"
ALERTS_RAISED: Final = _TAG + "alerts:raised"
ALERTS_PLACE: Final = _TAG + "alerts:place"
NOTED: Final = _TAG + "noted"
GIVEN_UP: Final = _TAG + "given-up"
WATERMARKS: Final = _TAG + "watermarks"


def account(name: str) -> str:
    """Of an account's name; the scripts cut this prefix off again when they write entries."""
    return _TAG + "account:" + name


def account_of(value: Account) -> str:
    return account(value.name)


def hold(hold_id: str) -> str:
    return _TAG + "hold:" + hold_id


def event(event_id: str) -> str:
    return _TAG + "event:" + event_id


def due(team: str) -> str:
    """A team's events that are to be sent."""
    return _TAG + "events:due:" + team


def job(job_id: str) -> str:
    return _TAG + "job:" + job_id


def jobs(value: Hold) -> str:
    return jobs_of(value.team, test=value.test)


def jobs_of(team: str, *, test: bool) -> str:
    """The index of a team's accepted jobs; those of its test keys are apart."""
    return f"{_TAG}jobs:{'test:' if test else ''}{team}"


def lease(name: str) -> str:
    return _TAG + "lease:" + name


def upload(upload_id: str) -> str:
    return _TAG + "upload:" + upload_id


def keys_of(team: str) -> str:
    """All keys of a team, by when they were issued."""
    return _TAG + "keys:of:" + team


def usable_keys(team: str, *, test: bool) -> str:
    """Those of them that are not revoked, by when they expire; test keys are apart."""
    return f"{_TAG}keys:usable:{'test:' if test else ''}{team}"


def key(key_id: str) -> str:
    return _TAG + "key:" + key_id


def digest(key_digest: str) -> str:
    return _TAG + "digest:" + key_digest


def admin_key(key_id: str) -> str:
    return _TAG + "admin_key:" + key_id


def admin_digest(key_digest: str) -> str:
    return _TAG + "admin_digest:" + key_digest


def repeat(name: str) -> str:
    return _TAG + "repeat:" + name


def policy(version: str) -> str:
    return _TAG + "policy:" + version


def rate(demand: RateDemand) -> str:
    prefix = "test:" if demand.test else ""
    return f"{_TAG}rate:{prefix}{demand.scope}:{demand.owner}:{demand.name}"


def idempotency(key_digest: str) -> str:
    return _TAG + "idempotency:" + key_digest


def memory(value: Hold) -> str:
    """Where a repetition of this submit is looked for: by its idempotency key, else by its body."""
    if value.idempotency is not None:
        return idempotency(value.idempotency.key)
    return _TAG + "twins:" + twin(value.key, value.digest)


def price(value: Hold) -> str:
    """Names the price that a hold believes. The sandbox's charges say nothing of the real upstream's."""
    prefix = "test:" if value.test else ""
    return f"{prefix}{value.rate_card}:{value.model}"


def overages(value: Hold) -> str:
    return overages_of(price(value))


def overages_of(price_name: str) -> str:
    return _TAG + "overages:" + price_name
