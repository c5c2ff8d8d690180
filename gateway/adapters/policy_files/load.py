"""All policy files at once: one set of rules, or every mistake in any of them.

The rule of this file: a mistake in one file hides no mistake in another, and causes no complaint elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from gateway.adapters.policy_files.alert_addresses import alerts_misdirected
from gateway.adapters.policy_files.lines import placed
from gateway.adapters.policy_files.policies import parse_organization, parse_team
from gateway.adapters.policy_files.price_links import links_broken, priced, unbounded
from gateway.adapters.policy_files.prices import parse_prices, price_book
from gateway.adapters.policy_files.toml import Toml, parse
from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.policy_set import Organization, PolicySet, TeamPolicy
from gateway.core.policy_version import version_of
from gateway.core.pricing import PriceBook
from gateway.core.rate_card import RateCard
from gateway.core.webhook_address import AllowedHost

_ORGANIZATION: Final = "organization.toml"
_TEAM: Final = re.compile(r"teams/[^/]+\.toml")
_PRICES: Final = re.compile(r"prices/[^/]+\.toml")

_Complaints: TypeAlias = tuple[Complaint, ...]
_Part: TypeAlias = Organization | TeamPolicy | RateCard


def load(
    files: Mapping[str, str], unread: Iterable[Complaint] = (), webhook_hosts: Sequence[AllowedHost] | None = None
) -> Rules | _Complaints:
    """Compile the files: path below the policies directory -> TOML text. Else every complaint, sorted.

    `unread` are complaints of files that could not be read. They are among those given back. `webhook_hosts` are the
    private ones that may be called, of files that are only proposed: what is live stays so whoever may be called.
    """
    complaints = list(unread)
    documents: dict[str, Toml] = {}
    parts: dict[str, _Part] = {}
    for file, text in files.items():
        document = _document(file, text)
        if isinstance(document, tuple):
            complaints += document
            continue
        documents[file] = document
        part = _part(file, document)
        if isinstance(part, tuple):
            complaints += part
        else:
            parts[file] = part
    if webhook_hosts is not None:
        complaints += alerts_misdirected(parts, webhook_hosts)
    compiled = _together(files, documents, parts, complaints)
    if isinstance(compiled, Rules):
        return compiled
    return tuple(placed(one, files[one.file]) if one.file in files else one for one in compiled)


def _document(file: str, text: str) -> Toml | _Complaints:
    if file != _ORGANIZATION and not _TEAM.fullmatch(file) and not _PRICES.fullmatch(file):
        known = "organization.toml, teams/<team>.toml and prices/<date>.toml"
        return (Complaint(file, "", f"does not belong here: policy files are {known}"),)
    return parse(file, text)


def _part(file: str, document: Toml) -> _Part | _Complaints:
    if file == _ORGANIZATION:
        return parse_organization(file, document)
    return parse_team(file, document) if _TEAM.fullmatch(file) else parse_prices(file, document)


def _together(
    files: Mapping[str, str], documents: Mapping[str, Toml], parts: Mapping[str, _Part], found: Iterable[Complaint]
) -> Rules | _Complaints:
    """What the files say to each other, once each has been read for itself."""
    complaints = list(found)
    broken = {complaint.file for complaint in complaints}
    organization = parts.get(_ORGANIZATION)
    teams = {part.slug: part for part in parts.values() if isinstance(part, TeamPolicy)}
    cards = [part for part in parts.values() if isinstance(part, RateCard)]
    book = price_book(cards)
    complaints += book if isinstance(book, tuple) else ()
    complaints += _missing(files, broken)
    if cards and not any(_holds_prices(file) for file in broken):
        complaints += _links(documents, parts, cards)
    if complaints or not isinstance(organization, Organization) or not isinstance(book, PriceBook):
        return tuple(sorted(complaints))
    return Rules(version_of(files), PolicySet(organization, teams), book)


def _missing(files: Iterable[str], broken: Iterable[str]) -> Iterator[Complaint]:
    seen = {*files, *broken}
    if "." in seen:
        return
    if _ORGANIZATION not in seen:
        yield Complaint(_ORGANIZATION, "", "is missing")
    if not any(_holds_prices(file) for file in seen):
        yield Complaint("prices", "", "holds no price file, and what has no price is refused")


def _holds_prices(file: str) -> bool:
    return file in (".", "prices") or file.startswith("prices/")


def _links(documents: Mapping[str, Toml], parts: Mapping[str, _Part], cards: Iterable[RateCard]) -> Iterator[Complaint]:
    prices, organization = priced(cards), parts.get(_ORGANIZATION)
    for file, document in documents.items():
        if not _PRICES.fullmatch(file):
            yield from (Complaint(file, key, message) for key, message in links_broken(document, prices))
        team = parts.get(file)
        if isinstance(team, TeamPolicy) and isinstance(organization, Organization):
            yield from (Complaint(file, key, message) for key, message in unbounded(team, organization, prices))
