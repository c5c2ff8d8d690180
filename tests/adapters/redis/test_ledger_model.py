"""The ledger against its model: every reply, balance, index and entry, after every step, in a real store.

`pytest -s` prints the seed and how often each kind of answer was seen; `--hypothesis-seed=N` runs the same again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from gateway.adapters.redis import keys
from gateway.adapters.redis.connection import connect
from gateway.adapters.redis.initialise import Identity, initialise
from gateway.adapters.redis.ledger import RedisLedger
from gateway.adapters.redis.policies import RedisPolicies
from gateway.core.account import Balance
from gateway.core.admission import Admission, AdmissionReply, Created, Exists, OverLimit, OverRate, Skewed
from gateway.core.ledger import Hold, Moved, Outcome, State, Verb
from gateway.ports import HoldRecord, PolicyVersion, StoreUnavailable
from tests.adapters.redis.ledger_model import LedgerModel, micros
from tests.adapters.redis.ledger_wishes import COSTS, ROOMY, TICKS, TIGHT, Wish, cost_of, grant, wishes
from tests.adapters.redis.snapshot import Snapshot, snapshot

EPOCH: Final = "e1"
PATIENT: Final = timedelta(hours=12)
PICK: Final = st.integers(0, 2**16)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Admit:
    """To be asked: an admission, by a gateway of this epoch that has seen this much."""

    admission: Admission
    now: datetime
    epoch: str = EPOCH
    seen: int = 0
    skewed: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """To be asked: a move."""

    verb: Verb
    hold: Hold
    now: datetime
    job: str = ""
    cost: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    seen: int = 0


Call = Admit | Act
Answer = AdmissionReply | Moved | None


class LedgerMachine(RuleBasedStateMachine):
    """Asks the store and the model the same, and compares everything."""

    def __init__(self, url: str, counts: Counter[str]) -> None:
        super().__init__()
        self.counts = counts
        self.loop = asyncio.new_event_loop()
        self.store = connect(url)
        self.ledger = RedisLedger(self.store, EPOCH, PATIENT)
        self.model = LedgerModel()
        self.known: dict[str, Admission] = {}
        self.fold: dict[str, list[int]] = {}
        self.swept: set[str] = set()
        self.entries: list[Any] = []
        self.last: tuple[Call, ...] = ()
        self.run(self.store.client.flushall())
        self.now = datetime.now(UTC)

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self._every_entry_is_as_it_was())
        self.run(self.store.close())
        self.loop.close()
