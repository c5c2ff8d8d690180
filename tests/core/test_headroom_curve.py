"""The least that is left of a limit on a day: after a job that was admitted, before one that was refused."""

from gateway.core.account import Account, AccountScope, Balance, Demand, Meter
from gateway.core.headroom_curve import Curves, LimitName, Low


def demand(scope: AccountScope, owner: str, amount: int, *, test: bool = False) -> Demand:
    return Demand(Account(scope, owner, "spend", Meter.USD, "2026-11", test), amount, 100, True, "month", None)


def test_the_least_of_each_day_is_kept() -> None:
    curves, asked = Curves(), (demand(AccountScope.TEAM, "video", 10),)
    curves.note("2026-11-01", "video", asked, (Balance(20, 30),), admitted=True)
    curves.note("2026-11-01", "video", asked, (Balance(95, 0),), admitted=False)
    curves.note("2026-11-01", "video", asked, (Balance(0, 0),), admitted=True)
    curves.note("2026-11-02", "video", asked, (Balance(0, 0),), admitted=True)
    name = LimitName(AccountScope.TEAM, "video", "spend", Meter.USD)
    assert curves.days == {name: {"2026-11-01": Low(5, 100), "2026-11-02": Low(90, 100)}}


def test_keys_of_a_team_are_one_and_test_keys_are_apart() -> None:
    curves = Curves()
    for owner, team, test in (("k1", "video", False), ("k2", "video", False), ("k3", "test:video", True)):
        curves.note("d", team, (demand(AccountScope.KEY, owner, 1, test=test),), (Balance(0, 0),), admitted=True)
    curves.note(
        "d", "test:video", (demand(AccountScope.ORGANIZATION, "acme", 1, test=True),), (Balance(0, 0),), admitted=True
    )
    assert [name.owner for name in curves.days] == ["video", "test:video", "test:acme"]
