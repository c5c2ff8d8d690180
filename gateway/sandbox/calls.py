"""One call to any route but submit: key, faults, then a plain function that decides, then the reply."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from aiohttp import web

from gateway.sandbox.faults import Faults, merge_headers
from gateway.sandbox.replies import Refusal, refuse, send
from gateway.sandbox.world import World, advance

WORLD: Final = web.AppKey("world", World)
ECHO_HEADER: Final = "X-Sandbox-Echo"


@dataclass(frozen=True, slots=True)
class Call:
    """What a route may look at; `now` was read once, and every job has been brought up to it."""

    world: World
    request: web.Request
    body: bytes
    faults: Faults
    request_id: str
    now: datetime


Decide: TypeAlias = Callable[[Call], object]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def keyed(decide: Decide) -> Handler:
    """A route that needs a key. `decide` returns the JSON to answer, or a Refusal."""

    async def handle(request: web.Request) -> web.StreamResponse:
        world = request.app[WORLD]
        refusal = key_refusal(request.headers, world.config.keys)
        if refusal is not None:
            return refuse(refusal, world.new_id("req"))
        return await _handle(request, decide)

    return handle


def keyless(decide: Decide) -> Handler:
    """A route that anybody may call."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handle(request, decide)

    return handle


async def _handle(request: web.Request, decide: Decide) -> web.StreamResponse:
    world = request.app[WORLD]
    request_id = world.new_id("req")
    faults = merge_headers(world.faults, request.headers)
    if isinstance(faults, Refusal):
        return refuse(faults, request_id)
    body, now = await request.read(), world.clock()
    advance(world, now)
    reply = decide(Call(world, request, body, faults, request_id, now))
    if isinstance(reply, Refusal):
        return refuse(reply, request_id)
    response = send(echoed(reply, request.headers) if faults.echo else reply)
    if faults.echo:
        response.headers[ECHO_HEADER] = credentials(request.headers)
    return response


def key_refusal(headers: Mapping[str, str], keys: frozenset[str]) -> Refusal | None:
    """Both documented headers work on every route. All keys are of one account: each sees all of its jobs."""
    given = headers.get("Authorization")
    key = headers.get("x-api-key") if given is None else given.removeprefix("Bearer ")
    if key is None:
        return Refusal("UNAUTHORIZED", "Send an API key as Authorization: Bearer pb_...")
    if key not in keys if keys else not key.startswith("pb_"):
        return Refusal("INVALID_API_KEY", "The API key is unknown or malformed")
    return None


def credentials(headers: Mapping[str, str]) -> str:
    return headers.get("Authorization") or headers.get("x-api-key") or ""


def echoed(body: object, headers: Mapping[str, str]) -> object:
    """The reply with the caller's credentials in it, as a careless service would leave them in a debug field."""
    return {**body, "echo": credentials(headers)} if isinstance(body, dict) else body
