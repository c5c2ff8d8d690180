"""The policies directory, watched if the settings say so."""

from functools import partial
from pathlib import Path

from gateway.adapters.policy_files import read_directory
from gateway.service.audit_trail import AuditTrail
from gateway.service.policy_watch import PolicyWatch, Seen
from gateway.settings import Settings
from gateway.wiring.house import House
from gateway.wiring.store import policies_directory


def policy_watch(house: House, settings: Settings) -> PolicyWatch | None:
    """Whoever looks at the directory; None unless somebody shall."""
    if not settings.policies_watch:
        return None
    trail = AuditTrail(house.ledger, house.clock, house.entropy)
    return PolicyWatch(house.desk, partial(_seen, policies_directory(settings)), trail, house.clock)


def _seen(directory: Path) -> Seen:
    found = read_directory(directory)
    return Seen(found.files, found.complaints)
