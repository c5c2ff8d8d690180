"""Where alerts are to be sent: addresses that may be called, each signed for with a secret of one owner.

The rule of this file: it judges what somebody proposes, never what is live. An address that a setting forbids by now is
not called, and makes no policy unusable.
"""

from collections.abc import Iterator, Mapping, Sequence

from gateway.core.complaint import Complaint
from gateway.core.policy_set import Organization, TeamPolicy
from gateway.core.webhook_address import AllowedHost, objection


def alerts_misdirected(parts: Mapping[str, object], allowed: Sequence[AllowedHost]) -> Iterator[Complaint]:
    """What is wrong with the addresses in these parts, each by the path of its file."""
    owners = {file: part for file, part in parts.items() if isinstance(part, Organization | TeamPolicy)}
    for file, owner in owners.items():
        found = None if owner.alerts_to is None else objection(owner.alerts_to, allowed)
        if found is not None:
            yield Complaint(file, "alerts.webhook", found)
    told = {owner.slug for owner in owners.values() if isinstance(owner, Organization) and owner.alerts_to}
    for file, owner in owners.items():
        if isinstance(owner, TeamPolicy) and owner.slug in told:
            yield Complaint(file, "team", "must not be the organization's name: its alerts are signed with that secret")
