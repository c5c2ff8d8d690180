import pytest

from gateway.sandbox import Faults, SandboxConfig
from gateway.sandbox.calls import key_refusal
from tests.sandbox.visit import KEY, Visit, visiting

KEYED = [
    ("POST", "/v1/jobs/submit"),
    ("POST", "/v1/jobs/estimate"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/job_x"),
    ("POST", "/v1/jobs/job_x/cancel"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/model_x"),
    ("GET", "/v1/providers"),
    ("GET", "/v1/providers/kling/models"),
    ("POST", "/v1/uploads/presign"),
    ("GET", "/v1/uploads/x"),
]
KEYLESS = ["models", "models/google/nano-banana", "providers", "providers/kling", "categories", "capability-groups"]


@pytest.mark.parametrize(("method", "path"), KEYED)
async def test_a_route_that_needs_a_key_says_so(visit: Visit, method: str, path: str) -> None:
    nobody = await visit.call(method, path, headers={})
    stranger = await visit.call(method, path, headers={"Authorization": "Bearer toll_live_x"})
    assert (nobody.status, nobody.code) == (401, "UNAUTHORIZED")
    assert (stranger.status, stranger.code) == (401, "INVALID_API_KEY")
    assert nobody.body["success"] is False
    assert nobody.body["requestId"].startswith("req_")


@pytest.mark.parametrize(("method", "path"), KEYED)
async def test_both_headers_carry_the_key_on_every_route(visit: Visit, method: str, path: str) -> None:
    for headers in ({"Authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        assert (await visit.call(method, path, headers=headers)).status != 401


@pytest.mark.parametrize("path", KEYLESS)
async def test_the_catalogue_needs_no_key(visit: Visit, path: str) -> None:
    assert (await visit.get(f"/v1/catalog/{path}", headers={})).status == 200


@pytest.mark.parametrize("given", ["Basic pb_a", "bearer", "", "Bearer", "Bearer ", "Bearer Bearer pb_a"])
def test_what_is_no_bearer_key_is_malformed(given: str) -> None:
    refusal = key_refusal({"Authorization": given}, frozenset())
    assert refusal is not None
    assert refusal.code == "INVALID_API_KEY"


def test_only_configured_keys_work_when_there_are_some() -> None:
    keys = frozenset({"pb_a", "pb_b"})
    assert key_refusal({"Authorization": "Bearer pb_b"}, keys) is None
    assert key_refusal({"Authorization": "Bearer pb_c"}, keys) is not None
    assert key_refusal({"Authorization": "Bearer pb_c"}, frozenset()) is None


async def test_a_misspelt_fault_header_is_refused_on_every_route(visit: Visit) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "X-Sandbox-Wraped": "true"}
    assert (await visit.get("/v1/jobs", headers)).code == "INVALID_INPUT"


async def test_credentials_are_echoed_where_that_was_asked_for() -> None:
    async with visiting(SandboxConfig(faults=Faults(echo=True))) as visit:
        answer = await visit.get("/v1/jobs")
        assert answer.body["echo"] == answer.headers["X-Sandbox-Echo"] == f"Bearer {KEY}"
        assert (await visit.get("/v1/jobs", {"x-api-key": KEY})).body["echo"] == KEY


async def test_an_unknown_path_or_method_is_not_found(visit: Visit) -> None:
    for method, path in (("GET", "/v2/jobs"), ("DELETE", "/v1/jobs"), ("PUT", "/v1/jobs/submit")):
        answer = await visit.call(method, path)
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
