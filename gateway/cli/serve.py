"""`tollhouse serve`: both planes, the embedded store and, without a real key, the sandbox, until it is told to stop."""

import asyncio
import gc
import logging
import resource
import signal
import sys
from typing import Final

import click
import uvloop

from gateway.cli.environment import environment
from gateway.cli.logs import set_up_logging
from gateway.settings import Settings, SettingsError, load_settings
from gateway.wiring import CannotStart, Gateway, open_gateway

_LOG: Final = logging.getLogger("tollhouse.serve")


@click.command()
def serve() -> None:
    """Run the gateway. Settings come from the environment; see docs/settings.md.

    \b
    tollhouse serve
    PIXELBYTE_API_KEY_FILE=/run/secrets/key tollhouse serve
    """
    try:
        settings = load_settings(environment(), serving=True)
    except SettingsError as error:
        for sentence in error.sentences:
            click.echo(sentence, err=True)
        sys.exit(2)
    set_up_logging(settings.log_format)
    _allow_many_connections()
    try:
        uvloop.run(_serve(settings))
    except CannotStart as error:
        click.echo(str(error), err=True)
        sys.exit(1)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with open_gateway(settings) as gateway:
        _collect_less()
        if sys.stdin is None or not sys.stdin.isatty():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reread, gateway)
        click.echo(banner(gateway))
        await stop.wait()
        _LOG.info("stopping: running submits are let finish")


def _reread(gateway: Gateway) -> None:
    """What SIGHUP asks for. Where there is a terminal it says that this one has gone, and still ends the program."""
    try:
        settings = load_settings(environment(), serving=True)
    except SettingsError as error:
        for sentence in error.sentences:
            _LOG.error("the secrets stay as they were: %s", sentence)
    else:
        gateway.reread(settings)


def _collect_less() -> None:
    """What a start leaves behind stays until the end, and a request leaves no cycles: look for garbage seldom.

    By default the collector runs at every other submit, over policies and prices that never change.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _allow_many_connections() -> None:
    """Every client and every upstream slot is a file descriptor; the usual soft limit of 1,024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def banner(gateway: Gateway) -> str:
    """What a person needs first: where everything is, and a request that works."""
    lines = [
        "",
        f"Tollhouse {gateway.version} is {'ready' if gateway.closed is None else 'running, and admits nothing yet'}.",
        "",
        f"  data plane     {gateway.data_url}",
        f"  control plane  {gateway.control_url}",
        f"  upstream       {gateway.upstream_url}{' (the built-in sandbox)' if gateway.demo_key else ''}",
        f"  store          {gateway.store}",
        f"  data           {gateway.data_dir}",
        f"  policies       {gateway.policies}",
    ]
    if gateway.demo_key:
        lines += ["", "Try it (team demo, sandbox money):", "", _curl(gateway.data_url, gateway.demo_key)]
    else:
        lines += ["", "Give a team its key:  tollhouse key issue --team TEAM --name NAME"]
    if gateway.closed is not None:
        lines += ["", f"{gateway.closed} What to do about it: tollhouse doctor"]
    return "\n".join([*lines, ""])


def _curl(url: str, key: str) -> str:
    where = f"--unix-socket {url.removeprefix('unix:')} http://tollhouse" if url.startswith("unix:") else url
    return "\n".join(
        [
            f"curl -X POST {where}/v1/jobs/submit \\",
            f'  -H "Authorization: Bearer {key}" \\',
            '  -H "Content-Type: application/json" \\',
            "  -d '{",
            '    "model": "kling/kling-2.6-pro/text-to-video",',
            '    "input": {',
            '      "prompt": "A golden retriever running through a sunlit meadow",',
            '      "aspect_ratio": "16:9",',
            '      "duration": "5",',
            '      "has_sound": "true"',
            "    }",
            "  }'",
        ]
    )
