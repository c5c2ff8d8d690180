"""Every key name in the store. One hash tag for all, so that one script can hold organization, team and key together.

A store serves one organization. Keys that may carry an expiry: `rate:*`, and the tombstone of a hold that was voided
before it was ever made. Nothing else expires.
"""

from typing import Final

from gateway.core.account import Account, RateDemand
from gateway.core.ledger import State

_TAG: Final = "{toll}:"

EVERY: Final = _TAG + "*"
STORE: Final = _TAG + "store"
POLICY: Final = _TAG + "policy"
ENTRIES: Final = _TAG + "entries"
ENDED: Final = _TAG + "holds:ended"
OPEN: Final = {state: f"{_TAG}holds:{state}" for state in (State.HELD, State.IN_DOUBT, State.CAPTURED)}
KEYS: Final = _TAG + "keys"
GATEWAYS: Final = _TAG + "gateways"


def account(name: str) -> str:
    """Of an account's name; the scripts cut this prefix off again when they write entries."""
    return _TAG + "account:" + name


def account_of(value: Account) -> str:
    return account(value.name)


def hold(hold_id: str) -> str:
    return _TAG + "hold:" + hold_id


def job(job_id: str) -> str:
    return _TAG + "job:" + job_id


def key(key_id: str) -> str:
    return _TAG + "key:" + key_id


def digest(key_digest: str) -> str:
    return _TAG + "digest:" + key_digest


def policy(version: str) -> str:
    return _TAG + "policy:" + version


def rate(demand: RateDemand) -> str:
    prefix = "test:" if demand.test else ""
    return f"{_TAG}rate:{prefix}{demand.scope}:{demand.owner}:{demand.name}"
