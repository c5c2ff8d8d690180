"""What only passes: to which upstream, with or without the key; and whose an upload is."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from gateway.adapters.redis.connection import Store
from gateway.adapters.redis.jobs import RedisJobs
from gateway.core.outcome import StoreDown
from gateway.core.principal import Principal
from gateway.core.reply import Reply
from gateway.ports import StoreUnavailable, Streamed, Unanswered
from gateway.service.passage import NoSuchUpload, Passage, Passenger
from tests.doubles import Doorkeeper
from tests.service.workshop import Told, Workshop, workshop
from tests.walkthrough.policies import team

PRESIGNED = Reply(200, {}, b'{"success":true,"data":{"fileId":"u1","maxSize":1},"requestId":"req_1"}')
STATUS = Reply(200, {}, b'{"success":true,"data":{"id":"u1","status":"pending"}}')


@dataclass
class Way:
    """A passage on a real store."""

    shop: Workshop
    upstream: Told = field(default_factory=Told)
    sandbox: Told = field(default_factory=Told)
    guard: Doorkeeper = field(default_factory=Doorkeeper)

    def __post_init__(self) -> None:
        jobs, clock = RedisJobs(self.shop.store), self.shop.clock
        self.passage = Passage(jobs, self.upstream, self.sandbox, self.guard, clock, timedelta(seconds=5))

    async def presign(self, principal: Principal) -> Any:
        return await self.passage.presign(passenger(principal, "POST", b"{}"), principal)

    async def status(self, principal: Principal, upload: str = "u1") -> Any:
        return await self.passage.upload_status(passenger(principal), principal, upload)


def passenger(principal: Principal | None, method: str = "GET", body: bytes | None = None) -> Passenger:
    return Passenger(principal, method, "/v1/somewhere?a=b", {"X-Request-Id": "req_1"}, body)


@pytest.fixture
async def way(store: Store) -> Way:
    return Way(await workshop(store, team(slug="red"), team(slug="blue")))


async def test_a_request_goes_out_as_it_came(way: Way) -> None:
    way.upstream.reply = Reply(418, {}, b"x")
    red = await way.shop.principal("red")
    assert await way.passage.ask(passenger(red, "POST", b'{ "a": 1 }')) is way.upstream.reply
    (asked,) = way.upstream.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/somewhere?a=b", b'{ "a": 1 }')
    assert asked.keyed


async def test_nobody_in_particular_goes_without_the_real_key(way: Way) -> None:
    way.upstream.reply = Reply(200, {}, b"[]")
    async with way.passage.stream(passenger(None)) as found:
        assert isinstance(found, Streamed)
        assert [piece async for piece in found.pieces] == [b"[]"]
    assert [asked.keyed for asked in way.upstream.asked] == [False]


async def test_test_keys_go_to_the_sandbox(way: Way) -> None:
    tester = await way.shop.principal("red", test=True)
    way.sandbox.reply = PRESIGNED
    await way.passage.ask(passenger(tester))
    await way.presign(tester)
    await way.status(tester)
    async with way.passage.stream(passenger(tester)):
        pass
    assert (len(way.sandbox.asked), way.upstream.asked) == (4, [])


async def test_an_upload_is_the_teams_that_presigned_it(way: Way) -> None:
    red, blue = await way.shop.principal("red"), await way.shop.principal("blue")
    way.upstream.reply = PRESIGNED
    assert await way.presign(red) is PRESIGNED
    way.upstream.reply = STATUS
    assert await way.status(await way.shop.principal("red")) is STATUS
    asked = len(way.upstream.asked)
    for stranger in (blue, await way.shop.principal("red", test=True)):
        assert await way.status(stranger) == await way.status(stranger, "u2") == NoSuchUpload()
    assert len(way.upstream.asked) == asked


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, {}, b'{"success":false,"error":{"code":"VALIDATION_ERROR"}}'),
        Reply(200, {}, b"unreadable"),
        Reply(200, {}, b'{"data":{"fileId":5}}'),
        Reply(200, {}, b'{"data":{"fileId":""}}'),
        Reply(500, {}, PRESIGNED.body),
        Unanswered("reset"),
    ],
)
async def test_what_names_no_upload_is_passed_on_and_makes_nobody_an_owner(way: Way, reply: Any) -> None:
    red = await way.shop.principal("red")
    way.upstream.reply = reply
    assert await way.presign(red) is reply
    assert await way.status(red) == NoSuchUpload()


async def test_an_upload_of_another_team_is_not_handed_out_a_second_time(way: Way) -> None:
    red, blue = await way.shop.principal("red"), await way.shop.principal("blue")
    way.upstream.reply = PRESIGNED
    await way.presign(red)
    assert isinstance(await way.presign(blue), Unanswered)
    assert await way.status(blue) == NoSuchUpload()


async def test_where_the_owner_cannot_be_written_or_read_nobody_guesses(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_jobs: RedisJobs, _upload: str, _team: str, *, test: bool) -> bool:
        raise StoreUnavailable(f"no answer about {test}")

    red = await way.shop.principal("red")
    way.upstream.reply = PRESIGNED
    monkeypatch.setattr(RedisJobs, "bind_upload", fails)
    monkeypatch.setattr(RedisJobs, "owns_upload", fails)
    assert isinstance(await way.presign(red), StoreDown)
    asked = len(way.upstream.asked)
    assert isinstance(await way.status(red), StoreDown)
    assert len(way.upstream.asked) == asked


async def test_where_the_store_may_have_lost_something_nobody_says_that_it_never_was(way: Way) -> None:
    way.guard.doubted = "history was lost"
    assert await way.status(await way.shop.principal("red")) == StoreDown("history was lost")
