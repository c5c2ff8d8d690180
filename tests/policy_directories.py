"""Generated directories of policy files, alike enough to be versions of one another."""

from hypothesis import strategies as st

from tests.walkthrough.policies import allow, budget, few_prices, organization, quota, rate, team, whole

TEAMS = ("audio", "image", "video")
_CEILINGS = st.sampled_from(["0.00", "1.00", "25.000001"])
_WINDOWS = st.sampled_from(["day", "month", "total"])
_MODELS = st.sampled_from([["*"], ["kling/*"], ["google/*", "kling/*"]])
_OVERRIDE = """
[[override]]
limit = "budget"
ceiling = "{0}"
from = 2026-11-2{1}T00:00:00Z
until = 2026-12-01T00:00:00Z
reason = "launch"
approved_by = "cfo@example.com"
"""


@st.composite
def _rules(draw: st.DrawFn, *, of_team: bool) -> list[str]:
    """A limit on all money, and others that may be there, in any order."""
    own = {"per": draw(st.sampled_from(["team", "key"]))} if of_team else {}
    maybe = [
        quota("jobs", draw(st.integers(0, 2)), name=draw(st.sampled_from(["jobs", "tasks"]))),
        budget(draw(_CEILINGS), "some", models=draw(_MODELS), mode=draw(st.sampled_from(["enforce", "shadow"])), **own),
        budget(draw(_CEILINGS), "watched", alert_at=draw(st.sampled_from([["50%"], ["50%", "90%"]]))),
        rate(draw(st.integers(1, 2)), "minute"),
        _OVERRIDE.format(draw(_CEILINGS), draw(st.integers(0, 1))),
    ]
    chosen = draw(st.lists(st.sampled_from(maybe), unique=True))
    return [budget(draw(_CEILINGS), window=draw(_WINDOWS)), *chosen]


@st.composite
def directories(draw: st.DrawFn) -> dict[str, str]:
    """Files that compile: an organization, some of three teams, and prices, perhaps newer ones too."""
    rules = draw(_rules(of_team=False))
    files = [organization(*rules, zone=draw(st.sampled_from(["UTC", "Europe/Berlin"])))]
    for slug in draw(st.sets(st.sampled_from(TEAMS), min_size=1)):
        told = draw(st.sampled_from(["\n", '[alerts]\nwebhook = "https://example.com/a"\n']))
        allowed = draw(st.sampled_from([allow(models=["kling/*"]), allow(cost_per_job="1.00"), "\n"]))
        head = draw(st.sampled_from([{}, {"owner": "leads@example.com"}]))
        files.append(team(*draw(_rules(of_team=True)), allowed, told, slug=slug, **head))
    return whole(*files, *draw(st.lists(_newer(), max_size=1)))


@st.composite
def _newer(draw: st.DrawFn) -> dict[str, str]:
    """A newer price file: one model, at one price or another."""
    (text,) = few_prices().values()
    head, first, *_ = text.split("[[model]]")
    newer = f"{head}[[model]]{first}".replace("2026-02-18T", "2027-01-01T")
    return {"prices/2027-01-01.toml": newer.replace("base    = ", draw(st.sampled_from(["base = ", "base = 1"])))}
