import hashlib

from gateway.sandbox.record import Record

HEADERS = ((b"Host", b"x"), (b"Authorization", b"Bearer pb_real"), (b"X-API-Key", b"pb_real"), (b"X-A", b"1"))


def test_a_submit_is_kept_as_it_came_without_its_key() -> None:
    record = Record(keep=5)
    record.add("/v1/jobs/submit?a=1", HEADERS, b'{"a": 1}', True)
    (kept,) = record.submits
    assert (kept.body, kept.header("x-a"), kept.header("authorization")) == (b'{"a": 1}', "1", "[redacted]")
    assert kept.header("X-B") is None
    assert kept.as_json() == {
        "path": "/v1/jobs/submit?a=1",
        "headers": [["Host", "x"], ["Authorization", "[redacted]"], ["X-API-Key", "[redacted]"], ["X-A", "1"]],
        "key_matched": True,
        "sha256": hashlib.sha256(b'{"a": 1}').hexdigest(),
        "body": '{"a": 1}',
    }
    assert "pb_real" not in repr(record)


def test_bytes_that_are_no_text_are_shown_in_base64() -> None:
    record = Record(keep=5)
    record.add("/", (), b"\xff\x00", False)
    assert record.submits[0].as_json()["body_base64"] == "/wA="


def test_only_the_last_ones_are_kept() -> None:
    record = Record(keep=2)
    for body in (b"1", b"2", b"3"):
        record.add("/", (), body, True)
    assert [each.body for each in record.submits] == [b"2", b"3"]


def test_the_peak_is_what_was_in_hand_at_the_same_time() -> None:
    record = Record(keep=1)
    with record.one_more():
        with record.one_more():
            pass
        with record.one_more():
            record.clear()
            assert record.peak == 2
    assert (record.in_flight, record.peak) == (0, 2)
    record.clear()
    assert record.peak == 0
