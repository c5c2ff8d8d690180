import json

import pytest

from gateway.sandbox.replies import STATUS_OF, Refusal, error_envelope, refuse, wrap

# The provider's table of codes, by status.
DOCUMENTED = {
    400: "INVALID_INPUT INVALID_MODEL_SLUG MODEL_VERSION_NOT_ACTIVE INVALID_WEBHOOK_URL JOB_CANNOT_BE_CANCELLED",
    401: "UNAUTHORIZED INVALID_API_KEY API_KEY_INACTIVE API_KEY_EXPIRED INVALID_SESSION INVALID_WORKER_SECRET",
    402: "INSUFFICIENT_BALANCE",
    403: "MODEL_ACCESS_DENIED OPERATION_NOT_ALLOWED IP_NOT_WHITELISTED UNAUTHORIZED_ACCESS USER_BANNED USER_INACTIVE "
    "FORBIDDEN",
    404: "MODEL_NOT_FOUND MODEL_VERSION_NOT_FOUND JOB_NOT_FOUND USER_NOT_FOUND",
    429: "CONCURRENT_JOBS_EXCEEDED",
    500: "INTERNAL_ERROR CONFIG_ERROR",
    503: "PUBSUB_PUBLISH_FAILED",
}
WITHOUT_A_DOCUMENTED_STATUS = {"VALIDATION_ERROR", "INVALID_CONTENT_TYPE", "NOT_FOUND"}


@pytest.mark.parametrize(("status", "codes"), DOCUMENTED.items())
def test_codes_have_their_documented_status(status: int, codes: str) -> None:
    assert {code: STATUS_OF[code] for code in codes.split()} == dict.fromkeys(codes.split(), status)


def test_there_are_no_other_codes() -> None:
    documented = {code for codes in DOCUMENTED.values() for code in codes.split()}
    assert STATUS_OF.keys() == documented | WITHOUT_A_DOCUMENTED_STATUS


def test_an_error_is_the_documented_envelope() -> None:
    assert error_envelope(Refusal("FORBIDDEN", "No", {"a": 1}), "req_1") == {
        "success": False,
        "error": {"code": "FORBIDDEN", "message": "No", "details": {"a": 1}},
        "requestId": "req_1",
    }


def test_details_are_left_out_when_there_are_none() -> None:
    reply = refuse(Refusal("JOB_NOT_FOUND", "No"), "req_1")
    assert (reply.status, reply.content_type) == (404, "application/json")
    assert json.loads(reply.body)["error"] == {"code": "JOB_NOT_FOUND", "message": "No"}


def test_a_wrapped_reply() -> None:
    assert wrap({"a": 1}, "req_1") == {"success": True, "data": {"a": 1}, "requestId": "req_1"}
