"""What a submit that was sent again gets, by how the first one stands."""

import json

import pytest

from gateway.core.ledger import State
from gateway.core.recall import MAX_KEPT_BODY, HoldRecord, Repeated, Replayed, kept, recalled
from gateway.core.reply import Accepted, Reply, read_submit_reply
from tests.adapters.redis.holds import TEAM, admission, demand

HOLD = admission("h1", demand(TEAM, 700_000, 10**9)).hold
REPLY = Reply(202, {"Content-Type": "application/json"}, b'{"jobId":"job_1"}')


@pytest.mark.parametrize("state", [State.HELD, State.IN_DOUBT, State.VOIDED])
def test_what_has_no_answer_yet_is_repeated(state: State) -> None:
    assert recalled(HoldRecord(HOLD, state, None, None), same_body=True) == Repeated("h1", state, True)


@pytest.mark.parametrize("state", [State.CAPTURED, State.FINISHED, State.REFUNDED])
def test_an_answer_is_given_again_as_it_was(state: State) -> None:
    found = HoldRecord(HOLD, state, "job_1", 700_000, REPLY)
    assert recalled(found, same_body=True) == Replayed(HOLD, REPLY, 700_000)
    assert recalled(found, same_body=False) == Repeated("h1", state, False)


def test_an_answer_that_was_lost_is_rebuilt_as_documented() -> None:
    replayed = recalled(HoldRecord(HOLD, State.CAPTURED, "job_1", 0), same_body=True)
    assert isinstance(replayed, Replayed)
    assert replayed.cost == 0
    body = json.loads(replayed.reply.body)
    assert body["requestId"] == HOLD.request_id
    assert body["status"] == "pending"
    read = read_submit_reply(replayed.reply)
    assert isinstance(read, Accepted)
    assert (read.job_id, read.cost) == ("job_1", 0)


def test_a_reply_is_kept_with_its_type_and_without_its_other_headers() -> None:
    assert kept(Reply(200, {"content-type": "text/plain", "X-Request-Id": "r"}, b"x")) == Reply(
        200, {"Content-Type": "text/plain"}, b"x"
    )
    assert kept(Reply(200, {}, b"x")) == Reply(200, {}, b"x")


def test_a_reply_of_more_than_sixteen_kib_is_rebuilt_instead() -> None:
    assert kept(Reply(200, {}, b"x" * MAX_KEPT_BODY)) is not None
    assert kept(Reply(200, {}, b"x" * (MAX_KEPT_BODY + 1))) is None
