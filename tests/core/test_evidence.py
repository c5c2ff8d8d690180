"""The list binds a job to a hold only where no other answer is left, and calls none absent that may have made one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.ending import Cancelled, Completed, Failed, Running
from gateway.core.evidence import NEAR, SKEW, Candidates, Match, Nothing, Suspect, Verdict, covers, may_be_told, weigh
from gateway.core.job_page import Listed
from gateway.core.ledger import Hold, State
from tests.core.hold_life import sample
from tests.doubles import NOON

Thing = TypeVar("Thing")

PATIENCE = timedelta(seconds=30)
MODELS = ("kling/kling-2.6-pro/text-to-video", "google/veo-3.1-fast/text-to-video")


def hold(name: str = "h1", at: float = 0, **more: Any) -> Hold:
    """A hold sent so many seconds after noon."""
    sent = NOON + timedelta(seconds=at)
    plain: dict[str, Any] = {
        "id": name,
        "model": MODELS[0],
        "created_at": sent,
        "deadline": sent + PATIENCE,
        "test": False,
    }
    return replace(sample(()), **{**plain, **more})


def job(name: str = "j1", at: float = 1, model: str = MODELS[0]) -> Listed:
    return Listed(name, model, Running(), NOON + timedelta(seconds=at))


def doubted(*holds: Hold) -> tuple[Suspect, ...]:
    return tuple(Suspect(one, State.IN_DOUBT) for one in holds)


def test_one_hold_and_one_job_are_bound() -> None:
    assert weigh(doubted(hold()), [job()]) == (Match(hold(), job(), group=False),)


def test_no_job_at_all_is_said() -> None:
    assert weigh(doubted(hold()), []) == (Nothing(hold()),)


def test_a_job_of_another_model_is_not_the_holds() -> None:
    assert weigh(doubted(hold()), [job(model=MODELS[1])]) == (Nothing(hold()),)


def test_the_interval_ends_with_the_deadline_and_what_clocks_may_differ() -> None:
    edge = (PATIENCE + SKEW).total_seconds()
    assert weigh(doubted(hold()), [job(at=edge)]) == (Match(hold(), job(at=edge), group=False),)
    late = job(at=edge + 0.001)
    assert weigh(doubted(hold()), [late]) == (Candidates(hold(), (late,)),)
    early = job(at=-SKEW.total_seconds() - 0.001)
    assert weigh(doubted(hold()), [early]) == (Candidates(hold(), (early,)),)


def test_a_job_far_outside_is_no_reason_to_wait() -> None:
    assert weigh(doubted(hold()), [job(at=(PATIENCE + NEAR).total_seconds() + 1)]) == (Nothing(hold()),)


def test_as_many_jobs_as_holds_that_nobody_could_tell_apart_are_bound_in_time_order() -> None:
    first, second = hold("h1", 0), hold("h2", 3)
    early, late = job("j2", 1), job("j1", 4)
    assert weigh(doubted(second, first), [late, early]) == (
        Match(first, early, group=True),
        Match(second, late, group=True),
    )


def test_what_a_webhook_may_yet_tell_of_several_is_not_guessed() -> None:
    told = tuple(replace(one, may_be_told=True) for one in doubted(hold("h1", 0), hold("h2", 3)))
    jobs = (job("j1", 1), job("j2", 4))
    for suspects in (told, (told[0], replace(told[1], may_be_told=False))):
        assert weigh(suspects, jobs) == (Candidates(told[0].hold, jobs), Candidates(told[1].hold, jobs))
    # One and one leave nothing to tell.
    assert weigh(told[:1], jobs[:1]) == (Match(told[0].hold, jobs[0], group=False),)


def test_a_webhook_may_come_until_its_retries_are_over() -> None:
    relayed, ends = hold(relayed=True), NOON + timedelta(seconds=60)
    later = ends + timedelta(minutes=10)
    for status in (Completed(at=ends), Failed(at=ends)):
        ended = replace(job(), status=status)
        assert may_be_told(relayed, [ended], later - timedelta(seconds=1))
        assert not may_be_told(relayed, [ended], later)
        assert not may_be_told(hold(), [ended], ends)
    # A job that runs will be told of; a cancelled one is never, and one that is given up is not waited for.
    for status in (Running(), None):
        assert may_be_told(relayed, [replace(job(), status=status)], NOON + timedelta(hours=23))
        assert not may_be_told(relayed, [replace(job(), status=status)], NOON + timedelta(hours=25))
    assert not may_be_told(relayed, [replace(job(), status=Cancelled(at=ends))], ends)
    assert may_be_told(relayed, [replace(job(), status=Completed())], NOON + timedelta(minutes=9))
    # Jobs that cannot be the hold's say nothing of it.
    assert not may_be_told(relayed, [job(model=MODELS[1]), job(at=3600)], ends)


def test_holds_that_differ_are_not_bound_by_time_alone() -> None:
    for other in ({"team": "other"}, {"key": "key_other"}, {"version": "v2"}, {"amount": 1}):
        first, second = hold("h1", 0), hold("h2", 3, **other)
        jobs = (job("j1", 1), job("j2", 4))
        assert weigh(doubted(first, second), jobs) == (Candidates(first, jobs), Candidates(second, jobs))


def test_fewer_jobs_than_holds_bind_nobody_and_release_nobody() -> None:
    first, second = hold("h1", 0), hold("h2", 3)
    assert weigh(doubted(first, second), [job()]) == (Candidates(first, (job(),)), Candidates(second, (job(),)))


def test_while_a_hold_may_still_be_answered_everybody_waits_for_it() -> None:
    asked, running = hold("h1", 0), Suspect(hold("h2", 3), State.HELD)
    assert weigh((*doubted(asked), running), [job()]) == (Candidates(asked, (job(),)),)


def test_those_that_hang_together_only_through_others_are_weighed_together() -> None:
    """The first covers the first job, the third the second; between them stands one that covers both."""
    first, between, third = hold("h1", 0), hold("h2", 30, team="other"), hold("h3", 60)
    jobs = (job("j1", 26), job("j2", 64))
    verdicts = weigh(doubted(first, between, third), jobs)
    assert [type(verdict) for verdict in verdicts] == [Candidates] * 3


def test_a_hold_that_was_voided_for_absence_is_weighed_like_one_in_doubt() -> None:
    voided = Suspect(hold(), State.VOIDED)
    assert weigh([voided], [job()]) == (Match(hold(), job(), group=False),)


@dataclass(frozen=True)
class World:
    """What is known, and who really made which job. Every job has one owner, made while its submit was under way."""

    suspects: tuple[Suspect, ...]
    jobs: tuple[Listed, ...]
    owner: dict[str, str]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    suspects: list[Suspect] = []
    jobs: list[Listed] = []
    owner: dict[str, str] = {}
    for n in range(draw(st.integers(0, 7))):
        state = draw(st.sampled_from((State.IN_DOUBT, State.IN_DOUBT, State.IN_DOUBT, State.HELD, State.VOIDED)))
        one = hold(
            f"h{n}",
            draw(st.integers(0, 20) | st.integers(0, 120)),
            model=draw(st.sampled_from(MODELS)),
            team=draw(st.sampled_from(("a", "a", "b"))),
            amount=draw(st.sampled_from((5, 5, 7))),
        )
        suspects.append(Suspect(one, state))
        if draw(st.booleans()):
            off = draw(st.floats(-SKEW.total_seconds(), (PATIENCE + SKEW).total_seconds()))
            made = job(f"j{draw(st.integers(0, 10**6))}-{n}", 0, one.model)
            jobs.append(replace(made, created_at=one.created_at + timedelta(seconds=off)))
            owner[jobs[-1].job] = one.id
    return World(tuple(suspects), tuple(jobs), owner)


def alike(one: Hold, other: Hold) -> bool:
    return (one.team, one.key, one.model, one.version, one.amount) == (
        other.team,
        other.key,
        other.model,
        other.version,
        other.amount,
    )


@settings(max_examples=500)
@given(worlds())
def test_a_job_is_never_bound_to_another_than_its_own_hold_or_one_that_cannot_be_told_from_it(world: World) -> None:
    holds = {one.hold.id: one.hold for one in world.suspects}
    for verdict in weigh(world.suspects, world.jobs):
        if isinstance(verdict, Match):
            true = holds[world.owner[verdict.job.job]]
            assert true == verdict.hold if not verdict.group else alike(true, verdict.hold)
            assert covers(verdict.hold, verdict.job.created_at)


@settings(max_examples=500)
@given(worlds())
def test_no_hold_is_called_absent_that_made_a_job(world: World) -> None:
    made = set(world.owner.values())
    for verdict in weigh(world.suspects, world.jobs):
        if isinstance(verdict, Nothing):
            assert verdict.hold.id not in made
        if isinstance(verdict, Candidates):
            assert verdict.jobs


@given(worlds())
def test_every_hold_is_judged_once_and_no_job_is_bound_twice(world: World) -> None:
    verdicts = weigh(world.suspects, world.jobs)
    asked = [one.hold.id for one in world.suspects if one.state is not State.HELD]
    assert sorted(verdict.hold.id for verdict in verdicts) == sorted(asked)
    bound = [verdict.job.job for verdict in verdicts if isinstance(verdict, Match)]
    assert len(bound) == len(set(bound))


def shuffled(seed: int, things: Sequence[Thing]) -> list[Thing]:
    mixed = list(things)
    Random(seed).shuffle(mixed)
    return mixed


@given(worlds(), st.integers())
def test_the_order_in_which_things_are_told_changes_nothing(world: World, seed: int) -> None:
    told: tuple[Verdict, ...] = weigh(world.suspects, world.jobs)
    twice = [*world.jobs, *world.jobs]
    assert weigh(shuffled(seed, world.suspects), shuffled(seed, twice)) == told


@given(worlds())
def test_what_is_alone_is_always_bound(world: World) -> None:
    """Or the matcher could be right by doing nothing."""
    for suspect in world.suspects:
        others = [one for one in world.suspects if one is not suspect and one.hold.model == suspect.hold.model]
        mine = [one for one in world.jobs if world.owner[one.job] == suspect.hold.id]
        if not others and mine and suspect.state is not State.HELD:
            assert Match(suspect.hold, mine[0], group=False) in weigh(world.suspects, world.jobs)
