"""An acceptance gives back the hold that it was written with."""

from tests.adapters.spool.spools import acceptance, hold


def test_the_hold_in_an_acceptance_is_the_one_that_was_written() -> None:
    assert acceptance("h1").hold == hold("h1")
    assert acceptance("h1").hold_id == "h1"
