"""What the control plane says of policies, for a person to read: a plan, the history, and what a team is held to.

The rule of this file: every figure and every name stands in the document that it is made from.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.cli.table import table

_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "starts_anew": "!"}
_OF_ACCOUNTS: Final = ("limit", "account", "window", "ceiling", "posted", "held")
_OF_LIMITS: Final = ("limit", "window", "posted", "held")


def plan_text(plan: Mapping[str, Any], source: tuple[str, ...]) -> str:
    """A plan; `source` are the words by which `apply` is told the same files."""
    return "\n".join(_plan(plan, source))


def _plan(plan: Mapping[str, Any], source: tuple[str, ...]) -> Iterator[str]:
    yield f"live      {plan['live'] or 'nothing yet'}"
    if plan["used"] != plan["live"]:
        yield f"used      {plan['used']}: this gateway cannot use the live version, and compares with this one"
    yield f"proposed  {plan['version']}"
    if not plan["changes"]:
        yield "Nothing would change."
    for change in plan["changes"]:
        yield from _change(change)
    yield from _listed("What was counted here counts no more:", _OF_LIMITS, plan["left_behind"])
    yield from _listed("Nothing more would pass here, at once:", _OF_ACCOUNTS, plan["full"])
    yield from _listed("New here, and counted under this name before; it counts on:", _OF_ACCOUNTS, plan["found"])
    if plan["keys"]:
        rows = sorted(plan["keys"].items())
        yield f"\nAffected keys:\n{table(('team', 'keys'), rows)}"
    if plan["live"] != plan["version"]:
        yield f"\n{shlex.join(_apply(plan['needs'], source))}"


def _apply(needs: Mapping[str, Any], source: tuple[str, ...]) -> list[str]:
    words = ["tollhouse", "policy", "apply", *source, "--expect", needs["expect"]]
    words += [word for name in needs["reset"] for word in ("--reset", name)]
    return [*words, *(word for team in needs["remove_teams"] for word in ("--remove-team", team))]


def _change(change: Mapping[str, Any]) -> Iterator[str]:
    thing = change["thing"].replace("_", " ")
    name = change["name"] if change["name"] == change["owner"] else f"{change['owner']}: {change['name']}"
    anew = " starts at zero" if change["verb"] == "starts_anew" else ""
    yield f"\n{_SIGNS[change['verb']]} {thing} {name}{anew}"
    before, after = change["before"], change["after"]
    if change["verb"] in ("added", "removed"):
        # What was left out of the file says nothing here either.
        said = {field: fact for field, fact in {**before, **after}.items() if fact not in (None, [], False)}
        yield from (f"    {field} = {_fact(fact)}" for field, fact in said.items())
        return
    for field in {**before, **after}:
        yield f"    {field}: {_fact(before.get(field))} -> {_fact(after.get(field))}"


def _fact(fact: object) -> str:
    if isinstance(fact, dict):
        return ", ".join(f"{name} {_fact(one)}" for name, one in fact.items() if one is not None)
    if isinstance(fact, list):
        return f"[{', '.join(map(str, fact))}]"
    return "(not set)" if fact is None else str(fact)


def _listed(head: str, columns: tuple[str, ...], rows: list[Mapping[str, Any]]) -> Iterator[str]:
    if rows:
        yield f"\n{head}\n{table(columns, [[row[column] for column in columns] for row in rows])}"


def history_text(history: Mapping[str, Any]) -> str:
    """Versions, the newest first."""
    rows = [
        ("live" if one["live"] else "", one["version"], one["at"], one["author"], one["replaced"], one["message"])
        for one in history["versions"]
    ]
    return table(("", "version", "at", "author", "replaced", "message"), rows)


def effective_text(shown: Mapping[str, Any]) -> str:
    """What a team is held to, each rule with where it stands."""
    return "\n".join(_effective(shown))


def _effective(shown: Mapping[str, Any]) -> Iterator[str]:
    yield f"team      {shown['team']}"
    yield f"version   {shown['version']}"
    models = shown["models"]
    yield f"models    {', '.join(models['patterns'])}  ({_source(models)})"
    if shown["cost_per_job"] is not None:
        yield f"a job     at most {shown['cost_per_job']} USD"
    for field, options in shown["input"].items():
        yield f"input     {field}: {', '.join(options)}"
    columns = ("limit", "scope", "window", "mode", "ceiling", "posted", "held", "headroom", "from")
    yield f"\n{table(columns, [_limit(one) for one in shown['limits']])}"
    for one in shown["limits"]:
        if one["override"] is not None:
            over = one["override"]
            yield f"\n{one['name']}: until {over['until']}, approved by {over['approved_by']}: {over['reason']}"
    if shown["rates"]:
        rates = [
            (one["name"], one["scope"], f"{one['requests']} a {one['window']}", one["burst"], _source(one))
            for one in shown["rates"]
        ]
        yield f"\n{table(('rate', 'scope', 'requests', 'burst', 'from'), rates)}"


def _limit(one: Mapping[str, Any]) -> tuple[object, ...]:
    scope = one["scope"] if one["key"] is None else f"key (most on {one['key']})"
    source = _source(one) if one["override"] is None else f"{_source(one)}, {_source(one['override'])}"
    amounts = (one["ceiling"], one["posted"], one["held"], one["headroom"])
    return (one["name"], scope, one["window"], one["mode"], *amounts, source)


def _source(told: Mapping[str, Any]) -> str:
    return f"{told['source']['file']}: {told['source']['key']}"
