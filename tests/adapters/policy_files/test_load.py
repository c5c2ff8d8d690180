"""Policy files: the shipped ones are sound, and every way to get one wrong has its sentence."""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from sys import modules
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import gateway.adapters.policy_files.policy_tables as policy_tables
import gateway.adapters.policy_files.price_tables as price_tables
from gateway.adapters.policy_files import Memory, load, read_directory, toml
from gateway.adapters.policy_files.policies import parse_organization, parse_team
from gateway.adapters.policy_files.sentences import MONEY
from gateway.core.account import AccountScope, Meter
from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.policy import Admit, decide
from gateway.core.policy_set import Allow, Limit, Organization, Override, Rate, RateWindow, TeamPolicy
from gateway.core.pricing import Quote
from gateway.core.principal import Principal, Scope, VirtualKey
from gateway.core.window import WindowKind

HERE = Path(__file__).parent
SHIPPED = HERE.parents[2] / "policies"
BAD = sorted((HERE / "bad").glob("*/*.toml"))

ORGANIZATION = """
schema = 1
organization = "acme"
zone = "Europe/Berlin"

[[limit]]
name = "organization-month"
meter = "usd"
window = "month"
ceiling = "100000.00"
"""
PRICES = """
schema = 1
effective_from = 2026-02-18T00:00:00Z
rounding = "half_up"

[[model]]
slug = "maker/film/text-to-video"
base = 70_000
unit = "second"
factors = [
  { field = "has_sound", default = "false", multipliers = { "false" = "1", "true" = "2" } },
]

[[model]]
slug = "maker/still/text-to-image"
base = 30_000
unit = "image"
meters = { images = 1 }
"""
MINIMAL_TEAM = """
schema = 1
team = "video"
unlimited = true
"""
FULL_TEAM = """
schema = 1
team = "video"
owner = "video-leads@example.com"
cost_center = "CC-4711"

[allow]
models = ["maker/*"]
cost_per_job = "5.00"
input = { has_sound = ["false"] }
unmetered = true

[[limit]]
name = "monthly-spend"
meter = "usd"
window = "month"
ceiling = "25000.00"
alert_at = ["80%", "50%"]

[[limit]]
name = "clips"
meter = "jobs"
window = "day"
ceiling = 50
models = ["maker/film/*"]
per = "key"
mode = "shadow"

[[limit]]
name = "at-once"
meter = "in_flight"
ceiling = 5

[[rate]]
name = "submits"
per = "key"
requests = 60
window = "minute"
burst = 10

[[rate]]
name = "peak"
requests = 5
window = "second"

[[override]]
limit = "monthly-spend"
ceiling = "30000.00"
from = 2026-12-01T01:00:00+01:00
until = 2026-12-15T00:00:00Z
reason = "launch week"
approved_by = "cfo@example.com"
"""


def files(**changes: str) -> dict[str, str]:
    """Sound files; `team`, `organization` and `prices` replace the text of one."""
    return {
        "organization.toml": changes.get("organization", ORGANIZATION),
        "teams/video.toml": changes.get("team", MINIMAL_TEAM),
        "prices/2026-02-18.toml": changes.get("prices", PRICES),
    }


def rules(some: Mapping[str, str]) -> Rules:
    loaded = load(some)
    assert isinstance(loaded, Rules), [str(complaint) for complaint in loaded]
    return loaded


def complaints(some: Mapping[str, str]) -> list[str]:
    loaded = load(some)
    assert not isinstance(loaded, Rules)
    return [str(complaint) for complaint in loaded]


# --- What arrives ---


def test_every_key_of_a_teams_file_arrives_in_its_policy() -> None:
    team = rules(files(team=FULL_TEAM)).policies.teams["video"]
    launch = Override(
        30_000_000_000,
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2026, 12, 15, tzinfo=UTC),
        "launch week",
        "cfo@example.com",
    )
    budget = Limit("monthly-spend", AccountScope.TEAM, Meter.USD, WindowKind.MONTH, 25_000_000_000)
    clips = Limit("clips", AccountScope.KEY, Meter.JOBS, WindowKind.DAY, 50, ("maker/film/*",), enforced=False)

    assert (team.slug, team.owner, team.cost_center) == ("video", "video-leads@example.com", "CC-4711")
    assert team.allow == Allow(("maker/*",), 5_000_000, {"has_sound": ("false",)}, unmetered=True)
    assert team.limits[0].overrides == (launch,)
    assert team.limits[0].alert_at == (50, 80)
    assert team.limits[0].ceiling == budget.ceiling
    assert team.limits[1] == clips
    assert team.limits[2] == Limit("at-once", AccountScope.TEAM, Meter.IN_FLIGHT, None, 5)
    assert team.rates == (
        Rate("submits", AccountScope.KEY, 60, RateWindow.MINUTE, 10),
        Rate("peak", AccountScope.TEAM, 5, RateWindow.SECOND, 5),
    )


def test_every_key_of_the_organizations_file_arrives() -> None:
    text = ORGANIZATION.replace('zone = "Europe/Berlin"', 'zone = "Asia/Tokyo"\nfiscal_year_starts = 4')
    text += '[[rate]]\nname = "all"\nrequests = 9\nwindow = "hour"\n[defaults]\nmodels = ["maker/film/*"]\n'
    organization = rules(files(organization=text)).policies.organization

    assert (organization.slug, organization.calendar.zone.key) == ("acme", "Asia/Tokyo")
    assert organization.calendar.fiscal_year_starts == 4
    assert organization.models == ("maker/film/*",)
    assert organization.limits[0].scope is AccountScope.ORGANIZATION
    assert organization.rates == (Rate("all", AccountScope.ORGANIZATION, 9, RateWindow.HOUR, 9),)


def test_what_a_file_leaves_out_has_its_default() -> None:
    loaded = rules(files())

    assert loaded.policies.organization.models == ("*",)
    assert loaded.policies.organization.calendar.fiscal_year_starts == 1
    assert loaded.policies.teams["video"].allow == Allow()


def test_no_teams_at_all_is_fine() -> None:
    some = files()
    del some["teams/video.toml"]

    assert rules(some).policies.teams == {}


def test_the_version_is_that_of_the_texts() -> None:
    assert rules(files()).version == rules(dict(reversed(files().items()))).version
    assert rules(files()).version != rules(files(team=MINIMAL_TEAM + "# Looked at again.")).version


# --- What is wrong ---


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_bad_file_is_answered_with_the_sentence_in_its_first_line(path: Path) -> None:
    # Where the sentence ends in an ellipsis, Python's own words follow.
    text = path.read_text()
    team = text if path.parent.name == "teams" else FULL_TEAM
    organization = text if path.parent.name == "organization" else ORGANIZATION

    sentence = text.partition("\n")[0].removeprefix("# ")
    (only,) = complaints(files(team=team, organization=organization))

    assert only == sentence or (sentence.endswith("…") and only.startswith(sentence[:-1]))


def test_every_mistake_of_every_file_is_reported_at_once() -> None:
    found = read_directory(HERE / "several")
    loaded = load(found.files, found.complaints)
    assert not isinstance(loaded, Rules)

    slug = "must be 1 to 63 of a-z, 0-9 and -, not starting with -"
    assert loaded == tuple(sorted(loaded))
    assert [str(complaint) for complaint in loaded] == [
        "archive: is a directory that does not belong here",
        "notes.txt: does not belong here: policy files are organization.toml, teams/<team>.toml and prices/<date>.toml",
        "organization.toml: defaults.models[0]: matches no model that has a price",
        "organization.toml: fiscal_year_starts: must be a month, 1 to 12",
        f"organization.toml: organization: {slug}",
        "organization.toml: zone: must be the IANA name of a time zone, such as Europe/Berlin",
        f"teams/all.toml: team: {slug}, and none of all, none, organization, other, total, unknown",
        "teams/broken.toml: is not TOML: Invalid value (at line 1, column 10)",
        "teams/video.toml: limit: must hold an enforced limit on usd, or the file must say unlimited = true",
        f"teams/video.toml: limit[0].ceiling: {MONEY}",
        "teams/video.toml: limit[0].colour: is not a key that is known here",
        "teams/video.toml: limit[0].models[0]: matches no model that has a price",
        "teams/video.toml: limit[0].window: is required for every meter but in_flight",
        'teams/video.toml: team: must be "video", as the file is named',
    ]


def test_an_organization_is_needed_and_so_are_prices() -> None:
    assert complaints({}) == [
        "organization.toml: is missing",
        "prices: holds no price file, and what has no price is refused",
    ]


@pytest.mark.parametrize("file", ["team.toml", "teams/a/b.toml", "teams/video.yaml", "prices/../organization.toml"])
def test_a_file_of_another_place_or_kind_does_not_belong_here(file: str) -> None:
    assert complaints({**files(), file: MINIMAL_TEAM})[0].startswith(f"{file}: does not belong here")


def test_a_mistake_in_a_price_file_is_reported_and_blames_no_policy() -> None:
    loaded = complaints(files(prices=PRICES.replace("70_000", "-1"), team=FULL_TEAM))

    assert loaded == [
        "prices/2026-02-18.toml: model[0].base: must be a whole number of micro-cents (1_000_000 are 1 USD), 0 or more"
    ]


def test_two_price_files_of_one_date_are_reported() -> None:
    assert "effective_from" in complaints({**files(), "prices/later.toml": PRICES})[0]


def test_a_file_that_could_not_be_read_is_not_called_missing() -> None:
    some = files()
    unread = [Complaint(file, "", "cannot be read") for file in sorted(some)]

    assert load({}, unread) == tuple(unread)
    assert load({}, [Complaint(".", "", "cannot be read")]) == (Complaint(".", "", "cannot be read"),)


def test_a_document_of_endless_depth_is_a_complaint() -> None:
    (only,) = complaints(files(team="a = " + "[" * 100_000))

    assert only.startswith("teams/video.toml: is not TOML: ")


ONE_MODEL_BUDGET = """
schema = 1
team = "video"

[[limit]]
name = "films"
meter = "usd"
window = "month"
ceiling = "5.00"
models = ["maker/film/*"]
"""


def test_a_budget_for_some_models_leaves_the_others_to_the_organizations() -> None:
    unbudgeted = ORGANIZATION.partition("[[limit]]")[0]
    shadow = ORGANIZATION + 'mode = "shadow"\n'
    unbounded = "teams/video.toml: limit: leaves maker/still/text-to-image without an enforced limit on usd, "

    assert isinstance(load(files(team=ONE_MODEL_BUDGET)), Rules)
    for organization in (unbudgeted, shadow):
        assert complaints(files(team=ONE_MODEL_BUDGET, organization=organization)) == [
            unbounded + "here or in organization.toml"
        ]
    narrow = ONE_MODEL_BUDGET + '[allow]\nmodels = ["maker/film/*"]\n'
    assert isinstance(load(files(team=narrow, organization=unbudgeted)), Rules)
    assert isinstance(load(files(organization=unbudgeted)), Rules)


def test_several_models_without_a_budget_are_counted() -> None:
    text = ONE_MODEL_BUDGET.replace('"maker/film/*"', '"other/*"')
    prices = PRICES + '[[model]]\nslug = "other/a"\nbase = 1\nunit = "job"\n'
    organization = ORGANIZATION.partition("[[limit]]")[0]

    (only,) = complaints(files(team=text, organization=organization, prices=prices))
    assert "leaves maker/film/text-to-video and 1 more without" in only


def test_an_unlimited_team_may_still_bound_some_models() -> None:
    text = ONE_MODEL_BUDGET.replace('team = "video"', 'team = "video"\nunlimited = true')

    assert rules(files(team=text)).policies.teams["video"].unlimited


def test_a_field_that_no_model_prices_may_be_restricted_freely() -> None:
    team = rules(files(team=MINIMAL_TEAM + '[allow.input]\naspect_ratio = ["16:9"]\n')).policies.teams["video"]

    assert team.allow.input == {"aspect_ratio": ("16:9",)}


scalars = st.sampled_from([True, -1, 0, 1, 2.5, "", "usd", "video", "month", datetime(2026, 12, 1, tzinfo=UTC)])
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "a b"]), inner, max_size=2),
    max_leaves=4,
)


def changed(value: object, change: object, pick: Callable[[int], int]) -> object:
    """`value` with one thing in it replaced by `change`."""
    parts = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if not parts or pick(len(parts) + 1) == 0:
        return change
    at, inner = parts[pick(len(parts))]
    copy = dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
    assert isinstance(copy, dict | list)
    copy[at] = changed(inner, change, pick)
    return copy


@given(st.data(), anything)
def test_whatever_stands_in_a_file_is_read_or_complained_of(data: st.DataObject, change: object) -> None:
    def pick(below: int) -> int:
        return data.draw(st.integers(0, below - 1))

    team = changed(tomllib.loads(FULL_TEAM), change, pick)
    organization = changed(tomllib.loads(ORGANIZATION), change, pick)
    if isinstance(team, dict) and isinstance(organization, dict):
        parsed = parse_team("teams/video.toml", team), parse_organization("organization.toml", organization)
        for one in parsed:
            assert isinstance(one, TeamPolicy | Organization) or len(one) > 0


# --- The shipped files ---


def shipped() -> Rules:
    found = read_directory(SHIPPED)
    assert found.complaints == ()
    return rules(found.files)


def test_the_shipped_files_are_sound_and_have_a_team_for_a_first_try() -> None:
    assert {"demo", "video"} <= set(shipped().policies.teams)


def test_what_refuses_a_newcomer_first_is_the_budget_of_the_demo_team() -> None:
    loaded, now = shipped(), datetime(2026, 11, 23, 14, tzinfo=UTC)
    key = VirtualKey("key_1", "demo", "", "", 1, "", frozenset(Scope), (), (), now, None, None, 1)
    model, inputs = "kling/kling-2.6-pro/text-to-video", {"prompt": "sea", "duration": "5", "has_sound": "true"}
    quote = loaded.prices.quote(model, None, inputs, now)
    assert isinstance(quote, Quote)
    decision = decide(loaded.policies, Principal("acme", key, key.digest), model, inputs, quote, now)
    assert isinstance(decision, Admit)

    repeats = {asked.account.limit: asked.ceiling // asked.amount for asked in decision.demands}
    assert quote.hold_amount == 700_000
    assert repeats.pop("monthly-spend") == 7
    assert min(repeats.values()) > 7
    assert all(rate.burst > 7 for rate in decision.rates)


# --- The field reference ---


@pytest.mark.parametrize("module", [policy_tables, price_tables], ids=["policies", "prices"])
def test_every_key_is_in_the_field_reference(module: ModuleType) -> None:
    text = (SHIPPED / "README.md").read_text()
    tables = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    named = {field.alias or name for table in tables for name, field in table.model_fields.items()}

    assert len(named) > 10
    assert [key for key in sorted(named) if not re.search(rf"`\[*{key}\]*`", text)] == []


def test_a_moment_at_the_edge_of_time_is_a_mistake_and_no_crash() -> None:
    for edge in ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"):
        some = dict(read_directory(SHIPPED).files)
        some["teams/demo.toml"] += (
            f'\n[[override]]\nlimit = "monthly-spend"\nceiling = "9.00"\nfrom = {edge}\nuntil = {edge}\n'
            'reason = "x"\napproved_by = "y"\n'
        )
        found = load(some)
        assert isinstance(found, tuple)
        assert {one.key for one in found} >= {"override[0].from", "override[0].until"}


def test_what_is_sold_today_may_be_named_although_a_later_price_file_drops_it() -> None:
    some = dict(read_directory(SHIPPED).files)
    later = some["prices/2026-02-18.toml"].replace("2026-02-18T00:00:00Z", "2030-01-01T00:00:00Z")
    later = re.sub(r'"false" = "[0-9.]+", *("true" = "[0-9.]+")', r"\1", later)
    some["prices/2030-01-01.toml"] = later.replace('default = "false"', 'default = "true"')
    some["teams/demo.toml"] += '\n[allow]\ninput = { has_sound = ["false"] }\n'
    assert isinstance(load(some), Rules)


_SOUND = st.builds(
    lambda team, ceiling, models: (
        f"""
schema = 1
team = "{team}"
[allow]
models = ["{models}"]
[[limit]]
name = "month"
meter = "usd"
window = "month"
ceiling = "{ceiling}.00"
"""
    ),
    st.sampled_from(["video", "audio"]),
    st.integers(1, 3),
    st.sampled_from(["*", "maker/*", "nobody/*"]),
)
_TEXT = st.one_of(_SOUND, st.sampled_from(["", "schema = 2", "not toml ["]))
_FILES = st.fixed_dictionaries(
    {
        "organization.toml": st.sampled_from([ORGANIZATION, ORGANIZATION.replace("Berlin", "Paris"), "schema = 1"]),
        "prices/a.toml": st.sampled_from([PRICES, PRICES.replace("maker/film", "nobody/film"), "x"]),
    },
    optional={"teams/video.toml": _TEXT, "teams/audio.toml": _TEXT, "teams/still.toml": _TEXT},
)


@given(st.lists(_FILES, min_size=2, max_size=6))
def test_what_is_remembered_of_files_is_what_they_say(versions: list[dict[str, str]]) -> None:
    memory = Memory()
    for files in versions:
        assert load(files, memory=memory) == load(files)


def test_of_many_teams_only_the_one_that_changed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(ceiling: str, zone: str = "Europe/Berlin") -> dict[str, str]:
        team = 'schema = 1\nteam = "t{0}"\n[[limit]]\nname = "m"\nmeter = "usd"\nwindow = "month"\nceiling = "{1}"\n'
        teams = {f"teams/t{n}.toml": team.format(n, ceiling if n == 7 else "1.00") for n in range(50)}
        return {"organization.toml": ORGANIZATION.replace("Europe/Berlin", zone), "prices/a.toml": PRICES, **teams}

    read: list[str] = []
    monkeypatch.setattr(
        modules[load.__module__], "parse", lambda file, text: read.append(file) or toml.parse(file, text)
    )
    memory = Memory()
    assert isinstance(load(files("1.00"), memory=memory), Rules)
    assert len(read) == 52
    read.clear()
    changed = load(files("2.00"), memory=memory)
    assert isinstance(changed, Rules)
    assert changed.policies.teams["t7"].limits[0].ceiling == 2_000_000
    assert read == ["organization.toml", "prices/a.toml", "teams/t7.toml"]
    read.clear()
    load(files("2.00", "Europe/Paris"), memory=memory)
    assert len(read) == 52
