"""`tollhouse sandbox`: the stand-in upstream alone, until it is interrupted."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Final

import click
import uvloop

from gateway.adapters.system import SystemClock, SystemEntropy
from gateway.sandbox import Drawn, Faults, SandboxConfig, open_sandbox
from gateway.sandbox.faults import FLAGS, NAMES, from_text, merge
from gateway.sandbox.replies import Refusal

DEFAULT_KEY: Final = "pb_sandbox"


def _fault_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each field of `Faults`; `latency_ms` becomes `--latency-ms`."""
    for name, about in reversed(list(NAMES.items())):
        option = f"--{name.replace('_', '-')}"
        command = click.option(
            option, name, is_flag=name in FLAGS, default=None, help=f"{about[0].upper()}{about[1:]}."
        )(command)
    return command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0 takes a free one.")
@click.option("--key", "keys", multiple=True, help="A key that works; repeatable. Default: any that starts with pb_.")
@click.option("--balance", type=click.IntRange(0), help="Prepaid micro-cents; default: no end.")
@click.option("--concurrency", type=click.IntRange(0), help="How many jobs may be without an end at once.")
@click.option("--discount-percent", type=click.IntRange(0, 100), default=0, help="Off every price.")
@click.option("--json", "as_json", is_flag=True, help="Print the address and the key as one JSON document.")
@_fault_options
def sandbox(
    host: str,
    port: int,
    keys: tuple[str, ...],
    balance: int | None,
    concurrency: int | None,
    discount_percent: int,
    as_json: bool,
    **given: str | bool | None,
) -> None:
    """Run a stand-in for the upstream API: documented prices, an account book, faults on demand.

    GET /sandbox/account shows what was charged, GET /sandbox/requests what was received, POST /sandbox/reset starts
    afresh. Every fault is also a request header (X-Sandbox-Latency-Ms) and a field of the job's input ("sandbox").

    \b
    tollhouse sandbox
    """
    config = SandboxConfig(
        faults=_faults(given),
        keys=frozenset(keys),
        balance=balance,
        concurrency=concurrency,
        discount_percent=str(discount_percent),
    )
    try:
        uvloop.run(_serve(config, host, port, as_json))
    except OSError as taken:
        raise click.ClickException(taken.strerror or str(taken)) from taken


def _faults(given: dict[str, str | bool | None]) -> Faults:
    wanted = {name: from_text(value) if isinstance(value, str) else value for name, value in given.items() if value}
    match merge(Faults(), wanted):
        case Refusal(message=message):
            raise click.UsageError(message)
        case Faults() as faults:
            return faults


async def _serve(config: SandboxConfig, host: str, port: int, as_json: bool) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    entropy = SystemEntropy()
    async with open_sandbox(config, host, port, clock=SystemClock().now, rng=Drawn(entropy.token)) as opened:
        key = min(config.keys, default=DEFAULT_KEY)
        if as_json:
            click.echo(json.dumps({"url": opened.url, "key": key}))
        else:
            click.echo(f"Sandbox upstream at {opened.url}, key {key}. Ctrl-C ends it.")
        await stop.wait()
