"""The sandbox's own routes, outside the upstream's: its account, what it received, and a fresh start."""

from gateway.sandbox.calls import Call
from gateway.sandbox.replies import Refusal
from gateway.sandbox.world import summary


def account(call: Call) -> object:
    return summary(call.world, call.now)


def requests(call: Call) -> object:
    return call.world.record.as_json()


def reset(call: Call) -> object:
    call.world.reset()
    return summary(call.world, call.now)


def no_route(call: Call) -> object:
    return Refusal("NOT_FOUND", f"There is no {call.request.method} {call.request.path}")
