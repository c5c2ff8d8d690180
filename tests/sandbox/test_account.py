import pytest

from gateway.sandbox.account import AccountBook


def test_what_is_charged_is_spent_until_it_is_refunded() -> None:
    book = AccountBook()
    book.charge("job_a", 700)
    book.charge("job_b", 50)
    assert (book.charged, book.refunded, book.spent) == (750, 0, 750)
    assert book.refund("job_a") == 700
    assert (book.charged, book.refunded, book.spent) == (750, 700, 50)


def test_a_refund_happens_once() -> None:
    book = AccountBook()
    book.charge("job_a", 700)
    assert [book.refund("job_a"), book.refund("job_a")] == [700, 0]
    assert book.refunded == 700


def test_a_charge_happens_once_and_is_never_negative() -> None:
    book = AccountBook()
    book.charge("job_a", 0)
    for job_id, amount in (("job_a", 1), ("job_b", -1)):
        with pytest.raises(ValueError, match=job_id):
            book.charge(job_id, amount)
    assert book.charged == 0


def test_an_unknown_job_has_nothing_to_refund() -> None:
    with pytest.raises(KeyError):
        AccountBook().refund("job_x")


def test_the_balance_is_enough_to_the_last_micro_cent() -> None:
    book = AccountBook(balance=100)
    book.charge("job_a", 60)
    assert book.affords(40)
    assert not book.affords(41)
    book.refund("job_a")
    assert book.affords(100)
    assert AccountBook().affords(10**15)
