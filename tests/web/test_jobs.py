"""The submit route: the order in which a request is looked at, the log line it leaves, and what counts."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.adapters.system import SystemClock
from tests.walkthrough.house import SEED, SLUG, House, open_house
from tests.walkthrough.policies import budget, team
from tests.web.wire import Server, post


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO):
        yield caplog


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the log says of submissions."""
    return [record.__dict__["fields"] for record in log.records if record.name == "tollhouse.submissions"]


async def test_a_request_is_looked_at_from_the_outside_in() -> None:
    """Framing, then the query, then the key, then the body's type, then its content."""
    async with open_house() as house:
        key = await house.key()
        server, broken = Server(house.port), b"{"
        cases = [
            (post(f"x-api-key: {key.secret}", "Authorization: Bearer x", "Content-Encoding: br", body=broken), 400),
            (post("Content-Encoding: br", line="POST /v1/jobs/submit?x=1 HTTP/1.1", body=broken), 400),
            (post("Content-Encoding: br", body=broken), 401),
            (post(f"x-api-key: {key.secret}", "Content-Encoding: br", body=broken), 415),
            (post(f"x-api-key: {key.secret}", body=broken), 400),
        ]
        for sent, status in cases:
            assert (await server.ask(sent)).status == status, sent
        assert house.upstream_calls == 0


async def test_every_submission_leaves_one_line_in_the_log(log: pytest.LogCaptureFixture) -> None:
    async with open_house(team(budget("1.05"))) as house:
        key = await house.key()
        answers = [
            await house.submit(key, **SEED, headers={"X-Request-Id": "mine-1"}),
            await house.submit(key, sandbox={"status": 400}),
            await house.submit(key, sandbox={"status": 502, "error_body": "html"}),
            await house.submit(key),
            await house.submit(key, model="made/up/by-a-client"),
            await house.submit(key, duration="7"),
        ]
        said = lines(log)
        assert [line["status"] for line in said] == [answer.status for answer in answers]
        assert [line["outcome"] for line in said] == [
            *("accepted", "rejected", "in_doubt", "over_limit", "price_unknown", "invalid"),
        ]
        assert all(
            line["request_id"] == answer.headers["X-Request-Id"] for line, answer in zip(said, answers, strict=True)
        )
        assert all((line["team"], line["key"]) == ("video", key.id) for line in said)
        assert all(line["milliseconds"] > 0 for line in said)
        accepted = {name: value for name, value in said[0].items() if name != "milliseconds"}
        assert accepted == {
            "request_id": "mine-1",
            "team": "video",
            "key": key.id,
            "model": SLUG,
            "outcome": "accepted",
            "status": 200,
            "hold": answers[0].hold,
            "job": answers[0].document["jobId"],
            "cost_usd": "0.700000",
        }
        assert (said[2]["hold"], said[2]["held_usd"], said[2]["cause"]) == (
            answers[2].hold,
            "0.350000",
            "undocumented 502",
        )
        assert [line["model"] for line in said[3:]] == [SLUG, None, SLUG]


async def test_what_a_sound_upstream_never_does_is_a_warning(log: pytest.LogCaptureFixture) -> None:
    async with open_house(team(budget("9.00"))) as house:
        key = await house.key()
        for sandbox in (
            {"status": 502, "error_body": "html"},
            {"status": 503, "code": "PUBSUB_PUBLISH_FAILED"},
            {"no_job_id": True},
        ):
            await house.submit(key, sandbox=sandbox)
        levels = [record.levelname for record in log.records if record.name == "tollhouse.submissions"]
        assert levels == ["WARNING", "INFO", "WARNING"]


async def test_what_never_became_a_submission_is_logged_and_counts_nowhere(log: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        assert (await house.submit(None)).status == 401
        key = await house.key()
        assert (await house.ask("POST", "/v1/jobs/submit", key, headers={"Content-Type": "text/plain"})).status == 415
        stranger, known = lines(log)
        assert (stranger["outcome"], stranger["status"], stranger["code"]) == ("turned_away", 401, "UNAUTHORIZED")
        assert "team" not in stranger
        assert (known["team"], known["status"], known["code"]) == ("video", 415, "UNSUPPORTED_MEDIA_TYPE")
        assert "tollhouse_submissions_total{" not in (await house.metrics()).text


async def test_submissions_count_by_team_model_and_outcome() -> None:
    async with open_house(team(budget("1.00")), team(slug="audio")) as house:
        video, audio = await house.key(), await house.key("audio")
        for key in (video, video, video, audio):
            await house.submit(key)
        await house.submit(audio, model="made/up/by-a-client")
        metrics = await house.metrics()
        counted = {
            labels: metrics("tollhouse_submissions_total", team=labels[0], model=labels[1], outcome=labels[2])
            for labels in (
                ("video", SLUG, "accepted"),
                ("video", SLUG, "over_limit"),
                ("audio", SLUG, "accepted"),
                ("audio", "_other", "price_unknown"),
            )
        }
        assert list(counted.values()) == [2, 1, 1, 1]
        assert metrics("tollhouse_refused_usd_total", team="video", limit="budget") == 0.35
        assert metrics("tollhouse_overhead_seconds_count") == 5
        assert metrics("tollhouse_upstream_seconds_count") == 3


@pytest.mark.parametrize("header", ["", '""', "two words", "k" * 256, "sch\u00f6n"])
async def test_an_idempotency_key_that_is_none_is_refused_rather_than_ignored(header: str) -> None:
    async with open_house() as house:
        key = await house.key()
        answer = await house.submit(key, headers={"Idempotency-Key": header})
        assert (answer.status, answer.code) == (400, "INVALID_INPUT")
        assert "Idempotency-Key" in answer.error["message"]
        assert await untouched(house)


async def test_a_revoked_key_learns_nothing_more_whatever_it_sends() -> None:
    """What was remembered of the key decides nothing that the store has not confirmed."""
    async with open_house(team(budget("5.00")), max_body="1KiB") as house:
        key = await house.key()
        assert (await house.submit(key)).status == 200
        await house.change_key(key, revoked_at=SystemClock().now())
        # First what ends before a hold: from the first answer on, the key is known for what it is.
        bodies: list[object] = [{"model": "no/such", "input": {}}, b"{", b"x" * 2000, {"model": SLUG, "input": {}}]
        answers = [await house.ask("POST", "/v1/jobs/submit", key, body=body) for body in bodies]
        assert [(answer.status, answer.code) for answer in answers] == [(401, "API_KEY_INACTIVE")] * 4
        assert house.upstream_calls == 1


async def untouched(house: House) -> bool:
    return house.upstream_calls == 0 and await house.states() == {}
