"""The errors that say who may ask: keys, their scopes, their addresses."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.key_secret import Kind, mint
from tests.walkthrough.house import House, open_house
from tests.walkthrough.policies import team
from tests.walkthrough.refused import EVERYWHERE, ME, QUOTE, SUBMIT, refused, told, untouched


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def test_who_are_you(house: House) -> None:
    key = await house.key()
    strangers = {
        "unknown": mint(Kind.LIVE, bytes(range(100, 132))),
        "malformed": "toll_live_abc",
        "one character flipped": key.secret[:-1] + ("a" if key.secret[-1] != "a" else "b"),
        "an admin key": (house.gateway.data_dir / "admin.key").read_text().strip(),
        "the provider's form": "pb_something",
    }
    for route in EVERYWHERE:
        nobody = await refused(house, None, route)
        assert told(nobody) == (401, "UNAUTHORIZED")
        assert nobody.headers["WWW-Authenticate"] == "Bearer"
        for why, secret in strangers.items():
            for headers in ({"Authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
                answer = await refused(house, None, route, headers=headers)
                assert told(answer) == (401, "INVALID_API_KEY"), why
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert secret not in answer.body.decode()
        basic = base64.b64encode(f"user:{key.secret}".encode()).decode()
        answer = await refused(house, None, route, headers={"Authorization": f"Basic {basic}"})
        assert told(answer) == (401, "INVALID_API_KEY")
    await untouched(house)


async def test_a_key_that_was_good_once(house: House) -> None:
    revoked, expired, orphan = await house.key(), await house.key(), await house.key()
    # From the next request on, wherever it is asked.
    assert (await house.quote(revoked)).status == 200
    assert (await house.control("POST", f"/admin/v1/keys/{revoked.id}/revoke")).status == 200
    await house.change_key(expired, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    # A team goes with its file.
    await house.apply(team(slug="audio"), "video")

    for route in EVERYWHERE:
        for key, code in ((revoked, "API_KEY_INACTIVE"), (expired, "API_KEY_EXPIRED"), (orphan, "API_KEY_INACTIVE")):
            answer = await refused(house, key, route)
            assert told(answer) == (401, code)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    await untouched(house)


async def test_where_you_are(house: House) -> None:
    elsewhere = await house.key(networks=["192.0.2.0/24"])
    here = await house.key(networks=["192.0.2.0/24", "127.0.0.0/8"])
    claimed = {"X-Forwarded-For": "192.0.2.7"}
    for route in EVERYWHERE:
        assert told(await refused(house, elsewhere, route, headers=claimed)) == (403, "IP_NOT_WHITELISTED")
    await untouched(house)
    assert (await house.submit(here)).status == 200


async def test_a_trusted_proxy_is_believed_for_the_address_it_names() -> None:
    async with open_house(trusted_proxies="127.0.0.0/8") as house:
        key = await house.key(networks=["192.0.2.0/24"])
        assert (await house.submit(key, headers={"X-Forwarded-For": "192.0.2.7"})).status == 200
        # What the client itself wrote stands to the left of what the proxy added.
        answer = await house.submit(key, headers={"X-Forwarded-For": "192.0.2.7, 198.51.100.1"})
        assert told(answer) == (403, "IP_NOT_WHITELISTED")


async def test_what_you_may(house: House) -> None:
    """`/me` needs no scope; `/quote` needs `check_status`, a submit `submit_job`."""
    reader = await house.key(scopes=["check_status"])
    submitter = await house.key(scopes=["submit_job"])
    nothing = await house.key(scopes=[])
    for key, route, scope in (
        (reader, SUBMIT, "submit_job"),
        (nothing, SUBMIT, "submit_job"),
        (submitter, QUOTE, "check_status"),
        (nothing, QUOTE, "check_status"),
    ):
        answer = await refused(house, key, route)
        assert told(answer) == (403, "OPERATION_NOT_ALLOWED")
        assert answer.details["scope"] == scope
    for key in (reader, submitter, nothing):
        assert (await house.ask(*ME, key)).status == 200
    assert (await house.quote(reader)).status == 200
    await untouched(house)
