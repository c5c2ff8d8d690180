from gateway.sandbox.randomness import Drawn


def test_bits_and_shares_come_from_the_bytes_drawn() -> None:
    full = Drawn(lambda size: b"\xff" * size)
    empty = Drawn(lambda size: b"\x00" * size)
    assert [full.getrandbits(each) for each in (1, 8, 9, 96)] == [1, 255, 511, 2**96 - 1]
    assert empty.getrandbits(96) == 0
    assert (empty.random(), full.random()) == (0.0, 1 - 2**-53)
