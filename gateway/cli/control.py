"""How the commands ask the control plane: one request, one document, and an exit code for everything else.

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 not authorised.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import aiohttp
import click

from gateway.adapters.secret_files import SecretFileError, read_secret
from gateway.adapters.system import SystemEntropy
from gateway.cli.environment import environment
from gateway.settings import Settings, SettingsError, load_settings

FAILURE: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
NOT_AUTHORISED: Final = 4

_EXITS: Final = {400: USAGE, 401: NOT_AUTHORISED, 403: NOT_AUTHORISED, 404: NOT_FOUND}
_TIMEOUT_S: Final = 60.0
# How often a change is asked for again that the store did not take, and after how long.
_AGAIN: Final = 3
_AGAIN_S: Final = 1.0
_ID_BYTES: Final = 16
_LATER: Final = ("STORE_UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS")


def settings() -> Settings:
    """The settings, or the end of the program with every mistake in them."""
    try:
        return load_settings(environment())
    except SettingsError as error:
        fail(USAGE, *error.sentences)


def fail(code: int, *sentences: str) -> NoReturn:
    """End the program with sentences on stderr."""
    for sentence in sentences:
        click.echo(sentence, err=True)
    raise SystemExit(code)


class Unanswered(Exception):
    """The control plane does not answer, as the text says in a sentence."""


class NoAdminKey(Exception):
    """There is nothing to ask the control plane with, as the text says in a sentence."""


def ask(
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """What the control plane answers, or the end of the program with what it says is wrong."""
    try:
        return try_to_ask(method, path, body, query, reason)
    except Unanswered as error:
        fail(FAILURE, str(error), "Is `tollhouse serve` running? TOLLHOUSE_CONTROL_URL says where it listens.")
    except NoAdminKey as error:
        fail(NOT_AUTHORISED, str(error), "Set TOLLHOUSE_ADMIN_KEY_FILE, or run where the gateway runs.")


def try_to_ask(
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """As `ask`, for those who can do something else when nobody answers. Raises Unanswered, NoAdminKey."""
    known = settings()
    headers = {"Authorization": f"Bearer {_admin_key(known)}", **({"Tollhouse-Reason": reason} if reason else {})}
    changes = method != "GET"
    if changes:
        headers["Idempotency-Key"] = SystemEntropy().token(_ID_BYTES).hex()
    once = partial(exchange, known.control_url, method, path, headers, body, query)
    try:
        status, text = asyncio.run(_patient(once, _AGAIN if changes else 0))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        told = f"The control plane at {known.control_url} does not answer ({type(error).__name__})."
        raise Unanswered(told) from None
    document = _document(text, known.control_url)
    if status >= 300:
        fail(_EXITS.get(status, FAILURE), *_sentences(document, status))
    return document


def _admin_key(known: Settings) -> str:
    if known.admin_key is not None:
        return known.admin_key.get_secret_value()
    path = known.data_dir / "admin.key"
    try:
        return read_secret(path)
    except SecretFileError as error:
        raise NoAdminKey(f"No admin key: {error}.") from None


async def _patient(once: Callable[[], Awaitable[tuple[int, str]]], times: int) -> tuple[int, str]:
    """What is answered. Asked again while the store takes nothing, for it often does a moment later.

    All of it is one request to the control plane, by its idempotency key, so a change is made once.
    """
    first = told = await once()
    for _ in range(times):
        if _code(told[1]) not in _LATER:
            return told
        await asyncio.sleep(_AGAIN_S)
        told = await once()
    return first if _code(told[1]) in _LATER else told


def _code(text: str) -> str | None:
    """Of an error of the control plane."""
    try:
        return str(json.loads(text)["error"]["code"])
    except (ValueError, TypeError, KeyError):
        return None


async def exchange(
    url: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Mapping[str, object] | None,
    query: Mapping[str, str] | None,
    seconds: float = _TIMEOUT_S,
) -> tuple[int, str]:
    """The status and the text that `url`, which may be `unix:path`, answers with.

    Raises aiohttp.ClientError, OSError, TimeoutError, ValueError.
    """
    socket = Path(url.removeprefix("unix:")) if url.startswith("unix:") else None
    base = url.rstrip("/") if socket is None else "http://localhost"
    connector = None if socket is None else aiohttp.UnixConnector(str(socket))
    timeout = aiohttp.ClientTimeout(total=seconds)
    # A redirect is not followed: it would take a key along.
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session,
        session.request(method, base + path, json=body, params=query, allow_redirects=False) as reply,
    ):
        return reply.status, await reply.text()


def _document(text: str, url: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        fail(FAILURE, f"What answers at {url} is not a Tollhouse control plane; see TOLLHOUSE_CONTROL_URL.")
    return document


def _sentences(document: Mapping[str, Any], status: int) -> list[str]:
    error = document.get("error")
    if not isinstance(error, dict):
        return [f"The control plane answered {status}."]
    listed = error.get("details", {}).get("complaints", [])
    return [*(place(one) for one in listed), str(error.get("message"))]


def place(mistake: Mapping[str, Any]) -> str:
    """One mistake in one file, on one line that starts with its place, as editors and compilers write it."""
    at = mistake["file"] if mistake["line"] is None else f"{mistake['file']}:{mistake['line']}"
    return ": ".join(part for part in (at, mistake["key"], mistake["message"]) if part)
