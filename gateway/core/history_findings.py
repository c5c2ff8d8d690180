"""What a look at the store's history forbids, in words."""

from collections.abc import Iterator

from gateway.core.finding import Finding
from gateway.core.history import LIVES, Sighting
from gateway.core.store_condition import Check

_EMPTIED = (
    "If it can be restored, stop it and restore it. Else run: tollhouse store init. What the gateways know is then "
    "replayed, and keys must be issued anew. An embedded store is free for that while its gateway is stopped."
)


def waited_for(seen: Sighting) -> tuple[str, ...]:
    """The gateways that live and have not replayed yet what they know, while admission is frozen."""
    return tuple(peer.boot for peer in seen.peers if peer.silent <= LIVES and peer.replayed != seen.epoch)


def history_failings(seen: Sighting | None, organization: str) -> Iterator[Finding]:
    """Everything about the store's history that forbids admission to a gateway of this organization."""
    if seen is None:
        yield Finding(Check.EPOCH, "The store is empty: it has no epoch.", _EMPTIED)
        return
    if seen.organization != organization:
        yield Finding(
            Check.ORGANIZATION,
            f'The store serves the organization "{seen.organization}", and this gateway "{organization}".',
            "Point TOLLHOUSE_REDIS_URL at the store of this organization.",
        )
    if seen.freeze is not None:
        yield Finding(
            Check.THAWED,
            f"Admission is frozen since {seen.freeze.since.total_seconds():.0f} s ago, because history was lost: "
            f"entries {seen.freeze.lost_from} to {seen.freeze.lost_to}.",
            _step(waited_for(seen)),
        )
    if seen.room_to is not None and seen.sequence >= seen.room_to:
        yield Finding(
            Check.EXPORTED,
            "The store has as many entries that the SQL ledger lacks as it may have.",
            "Look at the log of the gateway that exports, and at the database that TOLLHOUSE_DATABASE_URL names.",
        )


def _step(boots: tuple[str, ...]) -> str:
    if not boots:
        return "Wait: everybody has replayed what they know, and admission opens within seconds."
    return (
        f"Gateways that have not replayed yet what they know: {', '.join(boots)}. Wait for them; "
        "if one cannot, its log says why, and one that is stopped is waited for no longer than ten seconds."
    )
