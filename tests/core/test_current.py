"""What may be exchanged is not shown by whoever holds it."""

from gateway.core.current import Current


def test_it_is_exchanged_for_all_who_hold_it_and_never_shown() -> None:
    secret = Current("hunter2")
    also = secret
    secret.value = "hunter3"
    assert also.value == "hunter3"
    assert "hunter" not in repr(also)
