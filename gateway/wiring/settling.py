"""Who follows running jobs and settles what is in doubt: rounds for each upstream account, and a desk for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.adapters.upstream import HttpUpstream
from gateway.core.ledger import Hold
from gateway.service.follow import Follow
from gateway.service.hold_desk import Account, HoldDesk
from gateway.service.open_jobs import OpenJobs
from gateway.service.rounds import Interest, Rounds
from gateway.service.settle import Settle
from gateway.service.singles import Singles
from gateway.service.strays import Strays
from gateway.settings import Settings
from gateway.wiring.house import House
from gateway.wiring.upstreams import Upstreams

# A page or a single job is asked for with less patience than a submit: it can be asked for again.
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Settling:
    """`works` are for the background."""

    works: Mapping[str, Rounds]
    desk: HoldDesk


def open_settling(house: House, upstreams: Upstreams, settings: Settings) -> Settling:
    """Nothing runs before its works do."""
    accounts: list[Account] = []
    works: dict[str, Rounds] = {}
    open_jobs = OpenJobs(house.open_holds, house.ledger, house.clock)
    for name, upstream, ours in _accounts(house, upstreams, settings):
        settle = _settle(house, settings, ours)
        interests: list[Interest] = [_follow(house, settings, open_jobs, upstream, ours), settle]
        if name == "real" and settings.upstream_exclusive:
            interests.append(Strays(name, house.ledger, house.findings, house.telemetry, house.clock))
        works[f"jobs of the {name} upstream"] = _rounds(house, settings, name, upstream, interests)
        accounts.append(Account(upstream, settle))
    desk = HoldDesk(house.ledger, house.open_holds, accounts, house.telemetry, house.clock)
    return Settling(works, desk)


_Ours = Callable[[Hold], bool]


def _accounts(house: House, upstreams: Upstreams, settings: Settings) -> list[tuple[str, HttpUpstream, _Ours]]:
    """The provider's account is every gateway's; the built-in sandbox knows the jobs of its own process alone."""
    alone, boot = settings.embedded, house.boot

    def in_our_sandbox(hold: Hold) -> bool:
        return alone or hold.sender == boot

    if settings.sandboxed:
        return [("sandbox", upstreams.sandbox, in_our_sandbox)]
    return [
        ("real", upstreams.real, lambda hold: not hold.test),
        ("sandbox", upstreams.sandbox, lambda hold: hold.test and in_our_sandbox(hold)),
    ]


def _follow(house: House, settings: Settings, open_jobs: OpenJobs, upstream: HttpUpstream, ours: _Ours) -> Follow:
    return Follow(
        open_jobs=open_jobs,
        ledger=house.ledger,
        lifecycle=house.lifecycle,
        singles=Singles(upstream, house.clock, house.entropy.chance, _PATIENCE_S),
        telemetry=house.telemetry,
        clock=house.clock,
        ours=ours,
        cancelling=timedelta(seconds=settings.upstream_timeout),
    )


def _settle(house: House, settings: Settings, ours: _Ours) -> Settle:
    return Settle(
        holds=house.open_holds,
        ledger=house.ledger,
        findings=house.findings,
        telemetry=house.telemetry,
        clock=house.clock,
        ours=ours,
        absent_after=timedelta(seconds=settings.absent_after),
        exclusive=settings.upstream_exclusive,
    )


def _rounds(house: House, settings: Settings, name: str, upstream: HttpUpstream, interests: list[Interest]) -> Rounds:
    # A store that is ours alone has no other gateway to wait for after a restart.
    holder = "the only one" if settings.embedded else house.boot
    return Rounds(
        name=name if name == "real" else f"{name}:{holder}",
        holder=holder,
        upstream=upstream,
        leases=house.leases,
        clock=house.clock,
        chance=house.entropy.chance,
        interests=interests,
        patience=_PATIENCE_S,
    )
