"""Whether a submit could be admitted now: one reason against it is enough."""

from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from gateway.ports import StoreUnavailable, Vitals
from gateway.service.policy_desk import PolicyDesk
from gateway.service.readiness import Probe
from tests.doubles import MemoryPolicies, StillClock, compile_plainly, policy_files

WELL = Vitals(epoch="e1", frozen=False, holds={}, oldest_due_seconds=0.0, clock_skew_seconds=0.0)


@dataclass(slots=True)
class Says:
    """The vitals of a store that says this, or nothing."""

    vitals: Vitals | None

    async def read(self, now: datetime) -> Vitals:
        if self.vitals is None:
            raise StoreUnavailable("no answer")
        return self.vitals


async def probe(vitals: Vitals | None = WELL) -> Probe:
    desk = PolicyDesk(MemoryPolicies(), compile_plainly, "acme")
    await desk.publish(policy_files("video"), ())
    return Probe(Says(vitals), desk, StillClock(), "e1")


async def test_all_is_well() -> None:
    readiness = await (await probe())()
    assert readiness.ready
    assert set(readiness.checks) == {"serving", "policies", "store", "epoch", "thawed", "clock"}


@pytest.mark.parametrize(
    ("vitals", "failing"),
    [
        (None, "store"),
        (replace(WELL, epoch=None), "epoch"),
        (replace(WELL, epoch="e2"), "epoch"),
        (replace(WELL, frozen=True), "thawed"),
        (replace(WELL, clock_skew_seconds=2.001), "clock"),
        (replace(WELL, clock_skew_seconds=-2.001), "clock"),
    ],
)
async def test_one_thing_wrong_with_the_store(vitals: Vitals | None, failing: str) -> None:
    readiness = await (await probe(vitals))()
    assert not readiness.ready
    assert [name for name, well in readiness.checks.items() if not well] == [failing]


async def test_what_is_just_allowed() -> None:
    holds = {"held": 10_000, "in_doubt": 10_000}
    crowded = replace(WELL, clock_skew_seconds=2.0, holds=holds, oldest_due_seconds=1e6)
    assert (await (await probe(crowded))()).ready


async def test_draining() -> None:
    draining = await probe()
    draining.draining = True
    assert (await draining()).checks == {**(await (await probe())()).checks, "serving": False}


async def test_no_policies_and_policies_that_do_not_compile() -> None:
    policies = MemoryPolicies()
    desk = PolicyDesk(policies, compile_plainly, "acme")
    asked = Probe(Says(WELL), desk, StillClock(), "e1")
    assert (await asked()).checks["policies"] is False

    await desk.publish(policy_files("video"), ())
    assert (await asked()).ready

    good = policies.pointer
    assert good is not None
    policies.versions["bad"] = replace(policies.versions[good], version="bad", files={"organization.toml": "bad"})
    policies.pointer = "bad"
    await desk.refresh()
    assert (await asked()).checks["policies"] is False
