"""The tables of the organization's and the teams' files, and what each single value in them may be.

The rule of this file: a key that is not known is a mistake. What values must be to each other is in `policy_rules.py`.
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import Field, PlainValidator

from gateway.adapters.policy_files.sentences import MONEY, Schema, Table, is_money, must, one_of, text, whole
from gateway.core.account import Meter
from gateway.core.policy_set import RateWindow
from gateway.core.window import WindowKind

LIMIT_NAME: Final = "must be the name of a limit of this file"
RESERVED: Final = frozenset({"all", "none", "organization", "other", "total", "unknown"})

_SLUG: Final = r"[a-z0-9][a-z0-9-]{0,62}"
_SLUG_SENTENCE: Final = "must be 1 to 63 of a-z, 0-9 and -, not starting with -"


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _plain_text(most: int) -> str:
    return rf"(?!\s)[^\x00-\x1f\x7f]{{1,{most}}}(?<!\s)"


_Slug = Annotated[str, must(_SLUG_SENTENCE, text(_SLUG))]
_Team = Annotated[
    str,
    must(
        f"{_SLUG_SENTENCE}, and none of {', '.join(sorted(RESERVED))}",
        lambda value: text(_SLUG)(value) and value not in RESERVED,
    ),
]
_Zone = Annotated[
    str,
    must(
        "must be the IANA name of a time zone, such as Europe/Berlin",
        lambda value: isinstance(value, str) and value in _zones(),
    ),
]
_Email = Annotated[
    str, must("must be an e-mail address", text(r"[^@\s\x00-\x1f\x7f]{1,100}@[^@\s\x00-\x1f\x7f]{1,100}"))
]
_Flag = Annotated[bool, must("must be true or false, without quotes", lambda value: isinstance(value, bool))]
_Pattern = Annotated[str, must("must be a model slug in quotes, * for any characters", text(r"[!-~]{1,200}"))]
_Moment = Annotated[
    datetime,
    must(
        "must be a time with its zone, without quotes, such as 2026-12-01T00:00:00Z",
        # The first and last year have instants that no other offset can say.
        lambda value: isinstance(value, datetime) and value.utcoffset() is not None and 1 < value.year < 9999,
    ),
]
# What a ceiling must be depends on the meter: policy_rules.py judges it.
_Ceiling = Annotated[str | int, PlainValidator(lambda value: value)]
_Money = Annotated[str, must(MONEY, is_money)]
_Percentage = Annotated[str, must('must be a percentage in quotes, "1%" to "999%"', text(r"[1-9][0-9]{0,2}%"))]
_Option = Annotated[str, must("must be an option in quotes", lambda value: isinstance(value, str))]
# Which addresses may be called depends on a setting: alert_addresses.py judges it, of what is proposed.
_Address = Annotated[
    str,
    must('must be an address in quotes, such as "https://hooks.example.com/alerts"', text(r"https?://[!-~]{1,2040}")),
]
_Requests = Annotated[int, must("must be a whole number from 1 to 1000000", whole(1, 1_000_000))]
_Per = Annotated[str, one_of(["team", "key"])]


class LimitTable(Table):
    name: _Slug
    meter: Annotated[str, one_of(Meter)]
    window: Annotated[str | None, one_of(WindowKind)] = None
    ceiling: _Ceiling
    alert_at: list[_Percentage] = Field(default=[])
    models: list[_Pattern] = Field(default=["*"], min_length=1)
    per: _Per = "team"
    mode: Annotated[str, one_of(["enforce", "shadow"])] = "enforce"


class RateTable(Table):
    name: _Slug
    requests: _Requests
    window: Annotated[str, one_of(RateWindow)]
    burst: _Requests | None = None
    per: _Per = "team"


class OverrideTable(Table):
    limit: Annotated[str, must(LIMIT_NAME, lambda value: isinstance(value, str))]
    ceiling: _Ceiling
    starts_at: _Moment = Field(alias="from")
    until: _Moment
    reason: Annotated[str, must("must say why, in 1 to 500 characters", text(_plain_text(500)))]
    approved_by: Annotated[str, must("must say who approved it, in 1 to 200 characters", text(_plain_text(200)))]


class DefaultsTable(Table):
    models: list[_Pattern] = Field(default=["*"])


class AllowTable(Table):
    models: list[_Pattern] | None = None
    cost_per_job: _Money | None = None
    input: dict[str, Annotated[list[_Option], Field(min_length=1)]] = Field(default={})
    unmetered: _Flag = False


class AlertsTable(Table):
    webhook: _Address


class OrganizationTable(Table):
    edition: Schema = Field(alias="schema")
    organization: _Slug
    zone: _Zone
    fiscal_year_starts: Annotated[int, must("must be a month, 1 to 12", whole(1, 12))] = 1
    defaults: DefaultsTable = DefaultsTable()
    alerts: AlertsTable | None = None
    limit: list[LimitTable] = Field(default=[])
    rate: list[RateTable] = Field(default=[])
    override: list[OverrideTable] = Field(default=[])


class TeamTable(Table):
    edition: Schema = Field(alias="schema")
    team: _Team
    owner: _Email | None = None
    cost_center: Annotated[str | None, must("must be 1 to 64 characters in quotes", text(_plain_text(64)))] = None
    unlimited: _Flag = False
    allow: AllowTable = AllowTable()
    alerts: AlertsTable | None = None
    limit: list[LimitTable] = Field(default=[])
    rate: list[RateTable] = Field(default=[])
    override: list[OverrideTable] = Field(default=[])
