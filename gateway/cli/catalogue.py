"""The upstream's public catalogue, asked for without any key, and what comparing our prices with it says."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from gateway.cli.control import exchange
from gateway.cli.table import table
from gateway.core.money import MicroUsd, format_usd
from gateway.core.price_check import PriceCheck, read_catalogue
from gateway.settings import PROVIDER_URL, Settings

_PATH: Final = "/v1/catalog/models"
_TIMEOUT_S: Final = 20.0


class NoCatalogue(Exception):
    """The upstream did not answer with its catalogue, as the text says in a sentence."""


def catalogue_url(settings: Settings) -> str:
    """Where the catalogue is: the upstream's own address, or the gateway's, which passes on that of its sandbox."""
    if not settings.sandboxed:
        return settings.upstream_url or PROVIDER_URL
    return str(settings.listen)


def fetch_catalogue(url: str) -> Mapping[str, MicroUsd | None]:
    """The base price of every model that is listed. Raises NoCatalogue."""
    try:
        status, text = asyncio.run(exchange(url, "GET", _PATH, {}, None, None, _TIMEOUT_S))
        found = read_catalogue(json.loads(text)) if status == 200 else None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
        raise NoCatalogue(f"{url} does not answer with a catalogue ({type(error).__name__}).") from None
    if found is None:
        raise NoCatalogue(f"{url} answers {status}, and not with a catalogue of models.")
    return found


def check_document(priced: int, url: str, compared: PriceCheck | None) -> dict[str, Any]:
    """`compared` is None where the upstream was not heard: then nothing is said of differences."""
    if compared is None:
        return {"priced": priced, "upstream": url, "compared": False}
    return {
        "priced": priced,
        "upstream": url,
        "compared": True,
        "missing_upstream": compared.missing,
        "not_priced": compared.unpriced,
        "different": [
            {
                "model": one.model,
                "base_usd": format_usd(one.ours),
                "upstream_base_usd": None if one.upstream is None else format_usd(one.upstream),
            }
            for one in compared.different
        ],
    }


def check_text(document: Mapping[str, Any]) -> str:
    """What a comparison came to, for a person."""
    parts = [f"{document['priced']} prices compared with the catalogue of {document['upstream']}."]
    for name, heading in (
        ("missing_upstream", "Priced here, not sold there:"),
        ("not_priced", "Sold there, no price:"),
    ):
        if document[name]:
            parts.append("\n".join([heading, *(f"  {model}" for model in document[name])]))
    if document["different"]:
        parts.append(
            table(("model", "base here", "base there"), [tuple(one.values()) for one in document["different"]])
        )
    return "\n\n".join(parts if len(parts) > 1 else [*parts, "They agree."])
