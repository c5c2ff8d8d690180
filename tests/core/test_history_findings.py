"""What a look at the history forbids, and whom a frozen store waits for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.core.history import LIVES, Freeze, Peer, Sighting
from gateway.core.history_findings import history_failings, waited_for

SOUND = Sighting(datetime(2026, 11, 23, 12, tzinfo=UTC), "a.4", "acme", 120, 1, None, None, ())
FROZEN = replace(SOUND, freeze=Freeze("history lost", timedelta(seconds=7), 101, 120))


def peer(boot: str, replayed: str = "", silent: timedelta = timedelta(seconds=1)) -> Peer:
    return Peer(boot, silent, 120, replayed)


def test_a_sound_history() -> None:
    assert list(history_failings(SOUND, "acme")) == []


def test_an_empty_store() -> None:
    [finding] = history_failings(None, "acme")
    assert finding.check == "epoch"
    assert "run: tollhouse store init." in finding.step
    assert "keys must be issued anew" in finding.step


def test_somebody_elses_store() -> None:
    [finding] = history_failings(SOUND, "initech")
    assert finding.check == "organization"
    assert '"acme"' in finding.sentence
    assert '"initech"' in finding.sentence


def test_frozen_and_everybody_has_replayed() -> None:
    [finding] = history_failings(replace(FROZEN, peers=(peer("one", "a.4"),)), "acme")
    assert finding.check == "thawed"
    assert "entries 101 to 120" in finding.sentence
    assert finding.step.startswith("Wait: everybody has replayed")


def test_frozen_and_waiting() -> None:
    peers = (peer("one", "a.4"), peer("two", "a.2"), peer("three"), peer("dead", "", LIVES + timedelta(seconds=1)))
    seen = replace(FROZEN, peers=peers)
    assert waited_for(seen) == ("two", "three")
    [finding] = history_failings(seen, "acme")
    assert "two, three" in finding.step
    assert "dead" not in finding.step
