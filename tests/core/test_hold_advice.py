"""What is said of a hold in doubt, and the commands that decide it."""

from gateway.core.hold_advice import Doubt, capture_command, doubt_sentence, doubt_step, void_command
from gateway.core.ledger import State
from gateway.core.recall import HoldRecord
from tests.core.test_evidence import hold, job

HOLD = hold("hold_1", amount=350_000, team="video")
RECORD = HoldRecord(HOLD, State.IN_DOUBT, None, None, cause="no answer in time")


def test_commands_can_be_run_as_they_stand() -> None:
    assert (
        capture_command("hold_1", "job_1") == 'tollhouse hold capture hold_1 --job job_1 --author NAME --reason "WHY"'
    )
    assert void_command("hold_1") == 'tollhouse hold void hold_1 --author NAME --reason "WHY"'


def test_the_sentence_says_whose_how_much_since_when_and_why() -> None:
    told = doubt_sentence(Doubt(RECORD, None))
    for part in ("hold_1", "team video", "0.350000 USD", "2026-11-23T12:00:00Z", "no answer in time"):
        assert part in told


def test_its_candidates_are_named_but_not_a_hundred_of_them() -> None:
    jobs = tuple(job(f"job_{n}", n) for n in range(7))
    assert "It may have made job_0 (made at 2026-11-23T12:00:00Z)" in doubt_sentence(Doubt(RECORD, jobs))
    assert doubt_sentence(Doubt(RECORD, jobs)).endswith(" and 2 more.")
    assert "no job that could be its" in doubt_sentence(Doubt(RECORD, ()))


def test_the_step_is_to_run_one_of_two_commands() -> None:
    assert capture_command("hold_1", "job_3") in doubt_step(Doubt(RECORD, (job("job_3"),)))
    assert void_command("hold_1") in doubt_step(Doubt(RECORD, (job("job_3"),)))
    assert capture_command("hold_1", "JOB") in doubt_step(Doubt(RECORD, None))
