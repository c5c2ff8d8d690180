"""The provider's key, virtual keys and prompts: where they go, and everywhere they do not."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walkthrough.house import CANARY, SLUG, Answer, House, Key, open_house
from tests.walkthrough.outcomes import accepted, envelope
from tests.walkthrough.policies import budget, team
from tests.walkthrough.stranger import reply, says, stranger

PROMPT = "an unreleased product under a linen cloth"


def files_with(root: Path, text: str) -> list[str]:
    """The files below `root` whose bytes contain the text."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [path.relative_to(root).as_posix() for path in files if text.encode() in path.read_bytes()]


def in_log(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged, with whatever the lines carry beside their text."""
    return "\n".join(f"{record.getMessage()} {record.__dict__} {record.exc_text}" for record in caplog.records)


def in_answer(answer: Answer) -> str:
    return f"{dict(answer.headers)} {answer.body.decode()}"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger of the process, from DEBUG on."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


async def everything_that_can_happen(house: House, key: Key) -> list[Answer]:
    """Submits of every outcome, all with the prompt, to an upstream that repeats the key it was sent."""
    echo = {"echo": True}
    told = [
        await house.submit(key, prompt=PROMPT, sandbox={**echo, **faults})
        for faults in (
            {},
            {"wrapped": True},
            {"quickstart": True},
            {"status": 400},
            {"status": 401, "error_body": "bare"},
            {"status": 404, "error_body": "html"},
            {"status": 503},
            {"status": 502, "error_body": "html"},
            {"unreadable": True},
            {"truncated": True},
            {"no_job_id": True},
            {"repeated_job_id": True},
            {"redirect": "https://elsewhere.invalid/"},
            {"reset_after": True},
            {"cost": "seven"},
        )
    ]
    problem = {"Accept": "application/problem+json"}
    told.append(await house.submit(key, prompt=PROMPT, duration=PROMPT))
    told.append(await house.submit(key, prompt=PROMPT, headers=problem, sandbox={**echo, "reset_after": True}))
    told.append(await house.submit(Key("", key.secret + "x"), prompt=PROMPT))
    while told[-1].status != 402:
        told.append(await house.submit(key, prompt=PROMPT))
    told.append(await house.quote(key, prompt=PROMPT))
    told.append(await house.ask("GET", "/tollhouse/v1/me", key))
    return told


async def test_no_secret_leaves_by_any_door(log: pytest.LogCaptureFixture) -> None:
    async with open_house(team(budget("8.00"))) as house:
        key = await house.key()
        answers = await everything_that_can_happen(house, key)
        assert {answer.status for answer in answers} >= {200, 400, 401, 402, 502, 503, 504}

        metrics = (await house.metrics()).text
        data = house.gateway.data_dir
        admin, pepper = ((data / name).read_text().strip() for name in ("admin.key", "pepper"))
        keys = (await house.control("GET", "/admin/v1/keys")).body.decode()
        logged = in_log(log)

        assert "'outcome': 'in_doubt'" in logged
        assert key.id in logged
        for secret in (CANARY, key.secret, PROMPT, admin, pepper, pepper.partition(":")[2]):
            assert secret not in logged
            assert secret not in metrics
            assert secret not in keys
            assert not any(secret in in_answer(answer) for answer in answers)
        assert key.id not in metrics
        assert files_with(data, key.id) != []
        assert [files_with(data, secret) for secret in (CANARY, key.secret, PROMPT)] == [[], [], []]
        assert files_with(data, admin) == ["admin.key"]
        assert files_with(data, pepper) == ["pepper"]


async def test_what_the_upstream_echoes_is_blotted_out_and_the_rest_arrives() -> None:
    echoing = {"jobId": "job_1", "costMicroCents": 350_000, "debug": f"Bearer {CANARY}", "again": [CANARY, CANARY]}
    body = json.dumps(echoing).encode()
    refusal = envelope("INVALID_API_KEY", hint=CANARY)
    headers = ("Content-Type: application/json", f"ETag: {CANARY}", f"X-Debug: {CANARY}")
    acts = [
        says(reply(200, body, *headers)),
        says(reply(401, refusal, *headers)),
        says(reply(500, b"<p>" + CANARY.encode(), *headers)),
        says(reply(200, accepted(f"job_{CANARY}"), *headers)),
    ]
    async with stranger(*acts) as upstream, open_house(upstream=upstream.url) as house:
        key = await house.key()
        for status, sent in ((200, body), (401, refusal), (500, b"<p>" + CANARY.encode())):
            answer = await house.submit(key)
            assert (answer.status, answer.body) == (status, sent.replace(CANARY.encode(), b"[redacted]"))
            assert int(answer.headers["Content-Length"]) == len(answer.body)
            assert answer.headers["ETag"] == "[redacted]"
            assert "X-Debug" not in answer.headers

        # Not even as the name of a job does it reach the store.
        answer = await house.submit(key, prompt="another job")
        assert (await house.hold(answer.hold)).job == "job_[redacted]"
        assert files_with(house.gateway.data_dir, CANARY) == []


async def test_what_goes_upstream_and_what_does_not() -> None:
    async with stranger(says(reply(200, accepted("job_1")))) as upstream, open_house(upstream=upstream.url) as house:
        key = await house.key()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        passed = {
            "X-Request-Id": "mine-1",
            "traceparent": trace,
            "tracestate": "vendor=1",
            "User-Agent": "studio/2.1",
        }
        kept = {
            "Cookie": "session=1",
            "Proxy-Authorization": "Basic eDp5",
            "X-Forwarded-For": "192.0.2.1",
            "Forwarded": "for=192.0.2.1",
            "TE": "trailers",
            "Keep-Alive": "timeout=5",
            "X-Http-Method-Override": "DELETE",
            "X-Sandbox-Latency-Ms": "1",
            "Accept": "application/problem+json",
            "Accept-Encoding": "gzip",
            "Accept-Language": "de",
            "Baggage": "team=secret",
            "Origin": "https://studio.example.com",
            "X-Anything": "else",
        }
        answer = await house.submit(key, prompt=PROMPT, headers={**passed, **kept})
        assert answer.status == 200
        # The other header that a key may come in.
        body = {"model": SLUG, "input": {"prompt": PROMPT}}
        await house.call(
            "POST", house.gateway.data_url + "/v1/jobs/submit", body=body, headers={"x-api-key": key.secret, **passed}
        )

        for number in (0, 1):
            first, *lines = upstream.head(number).split("\r\n")
            assert first == "POST /v1/jobs/submit HTTP/1.1"
            sent = dict(line.split(": ", 1) for line in lines)
            assert len(sent) == len(lines)
            length = str(len(upstream.body(number)))
            assert sent == passed | {
                "Host": f"127.0.0.1:{upstream.port}",
                "Authorization": f"Bearer {CANARY}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "Content-Length": length,
            }
            assert key.secret.encode() not in upstream.requests[number]
        assert upstream.body(0) == (
            f'{{"input":{{"duration":"5","has_sound":"false","prompt":"{PROMPT}"}},"model":"{SLUG}"}}'.encode()
        )


async def test_a_key_replaced_in_its_file_is_used_from_the_next_submit_on(tmp_path: Path) -> None:
    file = tmp_path / "upstream.key"
    file.write_text("pb_first\n")
    async with stranger(says(reply(200, accepted("job_1"))), says(reply(200, accepted("job_2")))) as upstream:
        async with open_house(upstream=upstream.url, key_file=file) as house:
            key = await house.key()
            assert (await house.submit(key)).status == 200
            replacement = tmp_path / "new"
            replacement.write_text("pb_second_one\n")
            replacement.replace(file)
            assert (await house.submit(key)).status == 200
        assert "Authorization: Bearer pb_first\r\n" in upstream.head(0) + "\r\n"
        assert "Authorization: Bearer pb_second_one\r\n" in upstream.head(1) + "\r\n"
