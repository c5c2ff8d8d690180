"""Several worlds hear the same, and each of the later life of what it admitted alone."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.account import Balance
from gateway.core.durations import Durations
from gateway.core.entry import Move
from gateway.core.ledger import Flow
from gateway.core.recorded import Later, Turn
from gateway.core.refused import Why
from gateway.core.simulation import Simulation, world
from gateway.core.tally import ShadowName, Share
from tests.core.test_replay import MINUTE, MONTH, NOW, PRICE, request, rules
from tests.walkthrough.policies import budget, team

REFUSED = Why("BUDGET_EXCEEDED", "budget", "team")


def simulation(*ceilings: str) -> Simulation:
    return Simulation(tuple([world(rules(team(budget(one))), {}, Durations()) for one in ceilings]))


def later(number: int, kind: str, minutes: int = 1, **facts: str) -> Later:
    return Later(f"h{number}", NOW + minutes * MINUTE, kind, facts, (Move(MONTH, 5, 7),))


def test_a_world_that_refused_hears_no_more_of_it() -> None:
    both = simulation("1.00", "0.50")
    for number in (1, 2):
        both.tell(request(number))
        both.tell(later(number, "captured", cost=str(PRICE)))
    wide, narrow = both.worlds
    assert [one.tally.teams["video"].charged for one in both.worlds] == [2 * PRICE, PRICE]
    assert both.happened.teams["video"].charged == 2 * PRICE
    assert (wide.tally.changed, narrow.tally.changed) == (0, 1)
    both.tell(later(2, "refunded", refunded=str(PRICE)))
    assert [one.replay.balance(MONTH) for one in both.worlds] == [Balance(PRICE, 0), Balance(PRICE, 0)]
    assert both.happened.teams["video"].charged == PRICE


def test_what_is_older_moves_as_it_is_recorded() -> None:
    one = simulation("1.00")
    one.tell(later(77, "captured", cost="5"))
    assert one.worlds[0].replay.balance(MONTH) == Balance(5, 7)
    assert one.happened.teams == {}


def test_what_ended_is_forgotten_and_test_keys_are_a_team_of_their_own() -> None:
    one = simulation("1.00")
    asked = request(1)
    one.tell(type(asked)(asked.id, NOW, "acme", "video", "k", True, asked.model, None, asked.options, PRICE, None))
    one.tell(later(1, "captured", cost=str(PRICE)))
    one.tell(later(1, "finished"))
    assert list(one.happened.teams) == ["test:video"]
    assert one.worlds[0].replay.turn("h1", Turn(Flow.RETURN, PRICE), NOW) == 0


def test_a_shadow_limit_is_counted_with_what_it_would_have_refused() -> None:
    files = team(budget("9.00"), budget("0.10", "look", mode="shadow"))
    one = Simulation((world(rules(files), {}, Durations()),))
    one.tell(request(1))
    shadow = one.worlds[0].tally.shadow
    assert list(shadow) == [ShadowName("video", "look", next(iter(shadow)).meter)]
    assert list(shadow.values()) == [Share(1, PRICE, NOW)]


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["captured", "voided", "nothing"])), max_size=12),
    st.sampled_from(["0.35", "0.70", "1.05", "9.00"]),
)
def test_no_world_ever_admits_beyond_its_ceiling(fates: list[tuple[bool, str]], ceiling: str) -> None:
    """Whatever was refused or admitted in reality: posted and held stay below, and sums of jobs come to all."""
    one = simulation(ceiling)
    [there] = one.worlds
    most = round(float(ceiling) * 1_000_000)
    for number, (refused, kind) in enumerate(fates):
        at = NOW + timedelta(seconds=number)
        one.tell(request(number, at=at, refused=REFUSED if refused else None))
        if not refused and kind != "nothing":
            one.tell(Later(f"h{number}", at, kind, {"cost": str(PRICE)}, ()))
        balance = there.replay.balance(MONTH)
        assert 0 <= balance.posted + balance.held <= most
    sums = there.tally.teams.get("video")
    assert sums is None or sums.admitted.jobs + sums.refused.jobs == len(fates)
