import ast
import random
import sys
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

import gateway.sandbox
from gateway.sandbox import SandboxConfig, create_sandbox, open_sandbox
from gateway.sandbox.app import url_of
from tests.sandbox.visit import StillClock, Visit

SOURCES = sorted(Path(str(gateway.sandbox.__file__)).parent.glob("*.py"))


def imports(source: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda each: each.name)
def test_it_shares_no_code_with_what_it_checks(source: Path) -> None:
    for module in imports(source):
        allowed = module.split(".")[0] in sys.stdlib_module_names | {"aiohttp"}
        assert allowed or module.startswith("gateway.sandbox"), module


async def test_it_serves_as_a_plain_application() -> None:
    app = create_sandbox(SandboxConfig(), StillClock(), random.Random(7))
    async with TestClient(TestServer(app)) as client:
        reply = await client.get("/v1/catalog/categories")
        assert reply.status == 200


async def test_two_sandboxes_have_nothing_in_common(visit: Visit) -> None:
    async with open_sandbox(SandboxConfig(), clock=StillClock(), rng=random.Random(8)) as other:
        assert other.url != visit.sandbox.url
        await visit.job()
        assert (visit.sandbox.account.charged, other.account.charged) == (350_000, 0)


async def test_a_taken_port_is_an_error(visit: Visit) -> None:
    port = int(visit.sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with open_sandbox(SandboxConfig(), port=port, clock=StillClock(), rng=random.Random(8)):
            pass


def test_the_url_of_an_ipv6_address_has_brackets() -> None:
    assert (url_of("::1", 80), url_of("127.0.0.1", 80)) == ("http://[::1]:80", "http://127.0.0.1:80")


def test_no_key_is_shown_by_the_configuration() -> None:
    config = SandboxConfig(keys=frozenset({"pb_real"}), webhook_secret="whsec_real")
    assert "_real" not in repr(config)
