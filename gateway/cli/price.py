"""`tollhouse price`: what jobs cost, from the price files themselves; and what the upstream asks and charges."""

import json
from pathlib import Path

import click

from gateway.adapters.policy_files import read_directory
from gateway.adapters.policy_files.prices import read_price_book
from gateway.adapters.system import SystemClock
from gateway.cli.catalogue import NoCatalogue, catalogue_url, check_document, check_text, fetch_catalogue
from gateway.cli.control import FAILURE, NOT_FOUND, USAGE, ask, fail, settings
from gateway.cli.moment import moment
from gateway.cli.table import table
from gateway.core.money import format_usd
from gateway.core.price_check import compare_prices
from gateway.core.pricing import InputRefused, PriceBook, PriceUnknown, Quote
from gateway.core.rate_card import ModelPrice
from gateway.wiring import packaged_policies


@click.group()
def price() -> None:
    """Ask what jobs cost, offline; compare prices with the upstream's; see and reopen those that a gateway closed."""


@price.command()
@click.argument("slug")
@click.argument("fields", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--version", help="The model version the request would name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--policies",
    envvar="TOLLHOUSE_POLICIES",
    type=click.Path(path_type=Path),
    help="Policies directory. Default: ./policies, or the packaged one.",
)
def quote(slug: str, fields: tuple[str, ...], version: str | None, as_json: bool, policies: Path | None) -> None:
    """Price one job of the model SLUG, with the inputs given; what is left out is priced at its default.

    \b
    tollhouse price quote kling/kling-2.6-pro/text-to-video duration=10
    """
    inputs = _inputs(fields)
    book = _price_book(policies or packaged_policies())
    now = SystemClock().now()
    match book.quote(slug, version, inputs, now):
        case Quote() as priced:
            click.echo(json.dumps(_document(priced)) if as_json else _table(priced, book.models(now)[slug]))
        case InputRefused(message=message):
            fail(USAGE, message)
        case PriceUnknown():
            where = "" if version is None else f' in version "{version}"'
            fail(NOT_FOUND, f'No price for model "{slug}"{where}.')


@price.command()
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--url", help="Whose catalogue. Default: the upstream of the settings; of the sandbox, through the gateway."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(directory: Path | None, url: str | None, as_json: bool) -> None:
    """Check the price files, and compare them with the upstream's public catalogue where it answers.

    Tells models that only one side knows, and other base prices; exits 1 if there are any. DIR is a directory of
    policy files. Default: TOLLHOUSE_POLICIES, else ./policies, else the packaged one.

    \b
    tollhouse price check
    tollhouse price check policies --url https://api.muvi.video
    """
    known = settings()
    ours = _price_book(directory or known.policies or packaged_policies()).models(SystemClock().now())
    asked = url or catalogue_url(known)
    try:
        compared = compare_prices(ours, fetch_catalogue(asked))
    except NoCatalogue as unasked:
        if as_json:
            click.echo(json.dumps(check_document(len(ours), asked, None)))
        click.echo(f"{len(ours)} prices are well-formed. They were not compared: {unasked}", err=True)
        return
    document = check_document(len(ours), asked, compared)
    click.echo(json.dumps(document) if as_json else check_text(document))
    if not compared.agrees:
        raise SystemExit(FAILURE)


@price.command()
@click.option("--since", default="7d", show_default=True, help="From when on: 7d, 12h, a date or an instant.")
@click.option("--until", help="Up to when, likewise. Left out: now.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def drift(since: str, until: str | None, as_json: bool) -> None:
    """List by model and rate card what jobs were charged above and below their quotes: there the price file is wrong.

    \b
    tollhouse price drift --since 30d
    """
    now = SystemClock().now()
    given = {"since": (since, "--since"), "until": (until, "--until")}
    query = {name: moment(text, now, option).isoformat() for name, (text, option) in given.items() if text is not None}
    document = ask("GET", "/admin/v1/price-drift", query=query)
    if as_json:
        click.echo(json.dumps(document))
        return
    columns = ("model", "rate_card", "jobs_above", "above_usd", "jobs_below", "below_usd")
    rows = [[line[column] for column in columns] for line in document["drift"]]
    click.echo(table(columns, rows) if rows else "Every job was charged what was quoted.")


@price.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def closed(as_json: bool) -> None:
    """List the prices that are closed because the upstream charged more, three times within an hour.

    \b
    tollhouse price closed
    """
    document = ask("GET", "/admin/v1/closed-prices")
    lines = [f"{one['model']} (prices of {one['rate_card']})" for one in document["closed_prices"]]
    click.echo(json.dumps(document) if as_json else "\n".join(lines) or "No price is closed.")


@price.command()
@click.argument("slug")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def reopen(slug: str, as_json: bool) -> None:
    """Let the model SLUG run again at its price. A newer price file does so by itself.

    \b
    tollhouse price reopen kling/kling-2.6-pro/text-to-video
    """
    document = ask("POST", "/admin/v1/closed-prices/reopen", {"model": slug})
    click.echo(json.dumps(document) if as_json else f'"{slug}" is open again.')


def _inputs(fields: tuple[str, ...]) -> dict[str, object]:
    inputs: dict[str, object] = {}
    for pair in fields:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.UsageError(f'"{pair}" is not FIELD=VALUE.')
        if name in inputs:
            raise click.UsageError(f'"{name}" is given twice.')
        inputs[name] = value
    return inputs


def _price_book(policies: Path) -> PriceBook:
    """Only what is wrong with the prices matters here, not what is wrong beside them."""
    directory = read_directory(policies)
    unread = [one for one in directory.complaints if one.file in (".", "prices") or one.file.startswith("prices/")]
    texts = {file: text for file, text in directory.files.items() if file.startswith("prices/")}
    if unread:
        fail(FAILURE, *map(str, unread))
    if not texts:
        fail(FAILURE, f"{policies / 'prices'} has no price files.")
    book = read_price_book(texts)
    if not isinstance(book, PriceBook):
        fail(FAILURE, *map(str, book))
    return book


def _document(priced: Quote) -> dict[str, object]:
    return {
        "model": priced.model,
        "version": priced.version,
        "micro_usd": priced.amount,
        "cost_usd": format_usd(priced.amount),
        "factors": [
            {"field": factor.field, "value": factor.value, "multiplier": factor.multiplier} for factor in priced.factors
        ],
        "rate_card": priced.rate_card,
        "meters": dict(priced.meters),
        "pinned": dict(priced.pinned),
    }


def _table(priced: Quote, price: ModelPrice) -> str:
    remarks = {factor.field: "the dearest: the media decides" for factor in price.factors if factor.from_media}
    remarks |= dict.fromkeys(priced.pinned, "default")
    rows = [("base", "", format_usd(price.base), f"USD per {price.unit}")]
    rows += [(one.field, one.value, f"x {one.multiplier}", remarks.get(one.field, "")) for one in priced.factors]
    rows.append(("cost", "", format_usd(priced.amount), "USD"))
    names, values, figures = (max(len(row[column]) for row in rows) for column in range(3))
    lines = [f"{name:{names}}  {value:{values}}  {figure:>{figures}}  {remark}" for name, value, figure, remark in rows]
    return "\n".join([f"{priced.model} (prices of {priced.rate_card})", *(line.rstrip() for line in lines)])
