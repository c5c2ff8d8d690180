"""A job that the upstream took, as it is written down before anybody is answered.

The rule of this file: an acceptance holds all that its capture needs, so that capturing it again depends neither on
what the store remembers nor on what this process does.
"""

from collections.abc import Mapping
from datetime import datetime

from gateway.core.hold_record import decode_hold
from gateway.core.ledger import Hold
from gateway.core.money import MicroUsd
from gateway.core.value import value


@value
class Witness:
    """The newest ledger entry that a process has seen acknowledged: where it stands, and the hold it belongs to.

    A store in which it cannot be found any more has lost history.
    """

    epoch: str
    sequence: int
    entry: str


@value
class Acceptance:
    """What the upstream said yes to. `job`, `cost` and `facts` are those of the capture, see `ports.Ledger.move`.

    `record` is the hold as `core/hold_record.py` writes it; it has been written once already, for the store.
    """

    hold_id: str
    record: bytes
    job: str
    cost: MicroUsd
    facts: Mapping[str, str]
    answered_at: datetime
    witness: Witness | None

    @property
    def hold(self) -> Hold:
        return decode_hold(self.record)
