"""Whether a submit could be admitted now: one reason against it is enough."""

from dataclasses import dataclass, replace

import pytest

from gateway.core.finding import Finding
from gateway.core.store_condition import Check
from gateway.service.guard import Report
from gateway.service.policy_desk import PolicyDesk
from gateway.service.readiness import Probe
from tests.doubles import MemoryPolicies, compile_plainly, policy_files

WELL = Report((), tuple(Check))


@dataclass(slots=True)
class Says:
    """A guard whose looks find this."""

    report: Report

    async def look(self) -> Report:
        return self.report


async def probe(report: Report = WELL) -> Probe:
    desk = PolicyDesk(MemoryPolicies(), compile_plainly, "acme")
    await desk.publish(policy_files("video"), ())
    return Probe(Says(report), desk)


async def test_all_is_well() -> None:
    readiness = await (await probe())()
    assert readiness.ready
    assert list(readiness.checks) == ["serving", "policies", *Check]


@pytest.mark.parametrize("check", Check)
async def test_one_thing_wrong_with_the_store(check: Check) -> None:
    readiness = await (await probe(Report((Finding(check, "So it is.", "Mend it."),), tuple(Check))))()
    assert not readiness.ready
    assert [name for name, well in readiness.checks.items() if not well] == [check]


async def test_of_what_could_not_be_looked_at_nothing_is_said() -> None:
    gone = Report((Finding(Check.STORE, "It is gone.", "Look for it."),), (Check.STORE,))
    assert (await (await probe(gone))()).checks == {"serving": True, "policies": True, "store": False}


async def test_draining() -> None:
    draining = await probe()
    draining.draining = True
    assert (await draining()).checks == {**(await (await probe())()).checks, "serving": False}


async def test_no_policies_and_policies_that_do_not_compile() -> None:
    policies = MemoryPolicies()
    desk = PolicyDesk(policies, compile_plainly, "acme")
    asked = Probe(Says(WELL), desk)
    assert (await asked()).checks["policies"] is False

    await desk.publish(policy_files("video"), ())
    assert (await asked()).ready

    good = policies.pointer
    assert good is not None
    policies.versions["bad"] = replace(policies.versions[good], version="bad", files={"organization.toml": "bad"})
    policies.pointer = "bad"
    await desk.refresh()
    assert (await asked()).checks["policies"] is False
