"""All policy files at once: one set of rules, or every mistake in any of them.

The rule of this file: a mistake in one file hides no mistake in another, and causes no complaint elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Memory:
    """What the files of teams said the last time that all was well: of ten thousand of them, one changes.

    A team's file says the same again while its text and all that it is read against, the organization's file and the
    prices, are the same. Threads may share it: both are `kept` at once.
    """

    kept: tuple[Mapping[str, str], Mapping[str, tuple[str, TeamPolicy]]] = field(default_factory=lambda: ({}, {}))

    def of(self, files: Mapping[str, str]) -> Mapping[str, TeamPolicy]:
        """What those of the files say that are known."""
        around, known = self.kept
        if around != _around(files):
            return {}
        return {file: said[1] for file, text in files.items() if (said := known.get(file)) and said[0] == text}

    def keep(self, files: Mapping[str, str], parts: Mapping[str, "_Part"]) -> None:
        """All is well with the files, which say this."""
        teams = {file: (files[file], part) for file, part in parts.items() if isinstance(part, TeamPolicy)}
        self.kept = _around(files), teams


def _around(files: Mapping[str, str]) -> Mapping[str, str]:
    return {file: text for file, text in files.items() if not _TEAM.fullmatch(file)}


def load(
    files: Mapping[str, str],
    unread: Iterable[Complaint] = (),
    webhook_hosts: Sequence[AllowedHost] | None = None,
    memory: Memory | None = None,
) -> Rules | _Complaints:
    """Compile the files: path below the policies directory -> TOML text. Else every complaint, sorted.

    `unread` are complaints of files that could not be read. They are among those given back. `webhook_hosts` are the
    private ones that may be called, of files that are only proposed: what is live stays so whoever may be called.
    With a `memory` only what changed since is read.
    """
    complaints = list(unread)
    documents: dict[str, Toml] = {}
    parts: dict[str, _Part] = {} if memory is None else dict(memory.of(files))
    for file, text in files.items():
        if file in parts:
            continue
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
        if memory is not None:
            memory.keep(files, parts)
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
