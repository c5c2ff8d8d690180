"""The tables of the organization's and the teams' files, and what each single value in them may be.

The rule of this file: a key that is not known is a mistake. What values must be to each other is in `policy_rules.py`.
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import ConfigDict, Field

from gateway.adapters.policy_files.sentences import (
    MONEY,
    MONEY_FORM,
    Form,
    Schema,
    Table,
    any_text,
    either,
    flag,
    must,
    one_of,
    text,
    whole,
)
from gateway.core.account import Meter
from gateway.core.money import MAX_AMOUNT
from gateway.core.policy_set import RateWindow
from gateway.core.window import WindowKind

LIMIT_NAME: Final = "must be the name of a limit of this file"
RESERVED: Final = frozenset({"all", "none", "organization", "other", "total", "unknown"})

_SLUG: Final = text(r"[a-z0-9][a-z0-9-]{0,62}")
_SLUG_SENTENCE: Final = "must be 1 to 63 of a-z, 0-9 and -, not starting with -"
_COUNT: Final = whole(0, MAX_AMOUNT)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _plain_text(most: int) -> Form:
    return text(rf"(?! )[^\x00-\x1f\x7f]{{1,{most}}}(?<! )")


_Slug = Annotated[str, must(_SLUG_SENTENCE, _SLUG)]
_Team = Annotated[
    str,
    must(
        f"{_SLUG_SENTENCE}, and none of {', '.join(sorted(RESERVED))}",
        Form(
            lambda value: _SLUG(value) and value not in RESERVED,
            {**_SLUG.schema, "not": {"enum": sorted(RESERVED)}},
        ),
    ),
]
_Zone = Annotated[
    str,
    must(
        "must be the IANA name of a time zone, such as Europe/Berlin",
        # Which names there are changes from year to year; what they look like does not.
        Form(
            lambda value: isinstance(value, str) and value in _zones(),
            text(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*").schema,
        ),
    ),
]
_Email = Annotated[str, must("must be an e-mail address", text(r"[^@ \x00-\x1f\x7f]{1,100}@[^@ \x00-\x1f\x7f]{1,100}"))]
_Flag = Annotated[bool, must("must be true or false, without quotes", flag())]
_Pattern = Annotated[str, must("must be a model slug in quotes, * for any characters", text(r"[!-~]{1,200}"))]
_Moment = Annotated[
    datetime,
    must(
        "must be a time with its zone, without quotes, such as 2026-12-01T00:00:00Z",
        Form(
            # The first and last year have instants that no other offset can say.
            lambda value: isinstance(value, datetime) and value.utcoffset() is not None and 1 < value.year < 9999,
            {
                "type": "string",
                "format": "date-time",
                "pattern": r"^(?!000[01]|9999)[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9]{2}:[0-9]{2})$",
            },
        ),
    ),
]
# What a ceiling must be depends on the meter: policy_rules.py judges it, so that one sentence is told and not two.
_Ceiling = Annotated[str | int, must("", Form(lambda _: True, either(MONEY_FORM, _COUNT).schema))]
_Money = Annotated[str, must(MONEY, MONEY_FORM)]
_Percentage = Annotated[str, must('must be a percentage in quotes, "1%" to "999%"', text(r"[1-9][0-9]{0,2}%"))]
_Option = Annotated[str, must("must be an option in quotes", any_text())]
# Which addresses may be called depends on a setting: alert_addresses.py judges it, of what is proposed.
_Address = Annotated[
    str,
    must('must be an address in quotes, such as "https://hooks.example.com/alerts"', text(r"https?://[!-~]{1,2040}")),
]
_Requests = Annotated[int, must("must be a whole number from 1 to 1000000", whole(1, 1_000_000))]
_Per = Annotated[str, one_of(["team", "key"])]


def _when(meter: str, then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    meant = {"properties": {"meter": {"const": meter}}, "required": ["meter"]}
    return {"if": meant, "then": then, "else": otherwise}


# What policy_rules.py says of a limit's ceiling and window, for editors; and of the organization's accounts.
_LIMIT_RULES: Final[dict[str, Any]] = {
    "allOf": [
        _when(
            Meter.USD,
            {"properties": {"ceiling": {"type": "string"}}},
            {"properties": {"ceiling": {"type": "integer"}}},
        ),
        _when(Meter.IN_FLIGHT, {"properties": {"window": False}}, {"required": ["window"]}),
    ]
}
_NO_PER: Final[dict[str, Any]] = {"not": {"contains": {"type": "object", "required": ["per"]}}}


class LimitTable(Table):
    """A ceiling on what is spent, made or running. All limits that match a job apply, and all must have room."""

    model_config = ConfigDict(json_schema_extra=_LIMIT_RULES)

    name: _Slug
    """What the limit is called in refusals, alerts and accounts. Unique within the file."""
    meter: Annotated[str, one_of(Meter)]
    """What is counted: US dollars, jobs, seconds of video, images, or jobs that run now."""
    window: Annotated[str | None, one_of(WindowKind)] = None
    """The calendar window in the organization's zone after which counting starts anew. Left out for in_flight only."""
    ceiling: _Ceiling
    """How much passes in a window: money in quotes, such as "25000.00", or a whole number. 0 lets nothing pass."""
    alert_at: Annotated[list[_Percentage], Field(json_schema_extra={"uniqueItems": True})] = Field(default=[])
    """At which parts of the ceiling somebody is told, such as "80%"."""
    models: list[_Pattern] = Field(default=["*"], min_length=1)
    """Counts only the models that match one of these; `*` stands for any characters, `/` too."""
    per: _Per = "team"
    """Whose account it is: the team's, or one for every key of the team. For the files of teams only."""
    mode: Annotated[str, one_of(["enforce", "shadow"])] = "enforce"
    """A shadow limit decides and records, and never refuses."""


class RateTable(Table):
    """How many requests pass in a time, whatever they cost."""

    name: _Slug
    """What the rate is called in refusals. Unique within the file."""
    requests: _Requests
    """How many requests pass in a window, evenly spread."""
    window: Annotated[str, one_of(RateWindow)]
    """The time that they are spread over."""
    burst: _Requests | None = None
    """How many may come at once. Left out: as many as `requests`."""
    per: _Per = "team"
    """Who shares the rate: the whole team, or every key has one of its own. For the files of teams only."""


class OverrideTable(Table):
    """Another ceiling for a while, with a reason."""

    limit: Annotated[str, must(LIMIT_NAME, any_text())]
    """The name of a limit of this file."""
    ceiling: _Ceiling
    """The ceiling meanwhile, in the form of the limit's own."""
    starts_at: _Moment = Field(alias="from")
    """When it begins: a time with its zone, without quotes."""
    until: _Moment
    """When it ends; the limit's own ceiling is in force from then on."""
    reason: Annotated[str, must("must say why, in 1 to 500 characters", _plain_text(500))]
    """Why, for whoever asks later."""
    approved_by: Annotated[str, must("must say who approved it, in 1 to 200 characters", _plain_text(200))]
    """Who approved it."""


class DefaultsTable(Table):
    """What holds for every team whose own file says nothing else."""

    models: list[_Pattern] = Field(default=["*"])
    """The models that may be used; `*` stands for any characters, `/` too."""


class AllowTable(Table):
    """What a team may ask for, whatever it has spent."""

    models: list[_Pattern] | None = None
    """The models it may use. Left out: those of the organization's `defaults`."""
    cost_per_job: _Money | None = None
    """What one job may cost at most: money in quotes."""
    input: dict[str, Annotated[list[_Option], Field(min_length=1)]] = Field(default={})
    """Fields of a job's input, and the only options that the team may choose of each."""
    unmetered: _Flag = False
    """Whether a team with a limit on seconds may use video models that say no seconds."""


class AlertsTable(Table):
    """Where alerts of limits are sent."""

    webhook: _Address
    """An https address; what is sent to it is signed with the owner's secret."""


class OrganizationTable(Table):
    """`organization.toml`: the calendar, and the limits that all teams share."""

    edition: Schema = Field(alias="schema")
    """The form of this file. 1 is the only one there is."""
    organization: _Slug
    """The organization's name. It never changes: the store belongs to it."""
    zone: _Zone
    """The IANA time zone in which calendar windows are counted."""
    fiscal_year_starts: Annotated[int, must("must be a month, 1 to 12", whole(1, 12))] = 1
    """The month in which quarters and years begin."""
    defaults: DefaultsTable = DefaultsTable()
    """What holds for every team whose own file says nothing else."""
    alerts: AlertsTable | None = None
    """Where alerts of the organization's own limits are sent."""
    limit: Annotated[list[LimitTable], Field(json_schema_extra=_NO_PER)] = Field(default=[])
    """Limits on what all teams together use."""
    rate: Annotated[list[RateTable], Field(json_schema_extra=_NO_PER)] = Field(default=[])
    """Rates of the requests of all teams together."""
    override: list[OverrideTable] = Field(default=[])
    """Other ceilings for a while."""


class TeamTable(Table):
    """`teams/<team>.toml`: what a team may use and spend."""

    edition: Schema = Field(alias="schema")
    """The form of this file. 1 is the only one there is."""
    team: _Team
    """The team's name, as the file is named."""
    owner: _Email | None = None
    """Whom to ask about it; refusals name this address."""
    cost_center: Annotated[str | None, must("must be 1 to 64 characters in quotes", _plain_text(64))] = None
    """Who pays, for reports."""
    unlimited: _Flag = False
    """Whether the team may go without an enforced limit on money. Every other team must have one."""
    allow: AllowTable = AllowTable()
    """What the team may ask for, whatever it has spent."""
    alerts: AlertsTable | None = None
    """Where alerts of the team's limits are sent."""
    limit: list[LimitTable] = Field(default=[])
    """What the team, or each of its keys, may use."""
    rate: list[RateTable] = Field(default=[])
    """How many requests the team, or each of its keys, may send."""
    override: list[OverrideTable] = Field(default=[])
    """Other ceilings for a while."""
