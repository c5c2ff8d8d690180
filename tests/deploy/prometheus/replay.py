"""What gateways said of themselves, told again to the rules: minute by minute, by `promtool test rules`.

A story is a few real scrapes and the minute of each. Between two of them counters and gauges go evenly from the one to
the other; before the first and after the last they stay. Windows are moved so that each began ten days before the
story's turn, whatever the day of the month is: their lengths are the gateway's.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from tests.rigs.provider import ROOT

RULES: Final = ROOT / "deploy" / "prometheus" / "rules.yaml"
_OPENED_BEFORE_S: Final = 10 * 86_400
_NAMES: Final = frozenset(re.findall(r"\btollhouse_\w+", RULES.read_text(encoding="utf-8")))

# By name and labels.
Samples: TypeAlias = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass(frozen=True, slots=True)
class Story:
    """`told` has, of each gateway, the minutes and texts of its scrapes, None where it does not answer.

    Minutes count from the story's turn, before which there were `turn` of quiet. What is named in `growing` is an age:
    it grows by itself after the last scrape.
    """

    told: Mapping[str, Sequence[tuple[int, str | None]]]
    growing: frozenset[str] = field(default_factory=frozenset)
    turn: int = 75


def firing(story: Story, minutes: Sequence[int], directory: Path) -> dict[int, set[str]]:
    """The alerts that fire at these minutes after the story's turn: what promtool finds where nothing is expected."""
    # Each expression is told apart by a number that changes nothing.
    asked = {minute: f"{_FIRING} > -{minute + story.turn}" for minute in minutes}
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        # Else in any order, and an alert may see what was recorded a minute before.
        "group_eval_order": re.findall(r"^  - name: (\S+)$", RULES.read_text(encoding="utf-8"), re.MULTILINE),
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in _series(story, story.turn + max(minutes))
                ],
                "promql_expr_test": [
                    {"expr": expression, "eval_time": f"{story.turn + minute}m", "exp_samples": []}
                    for minute, expression in asked.items()
                ],
            }
        ],
    }
    said = _promtool(document, directory)
    found: dict[int, set[str]] = {}
    for minute in asked:
        _, _, after = said.partition(f'> -{minute + story.turn}"')
        found[minute] = set(re.findall(r'\{alertname="(\w+)"\} 1', after.partition("expr:")[0]))
    return found


_FIRING: Final = 'group by (alertname) (ALERTS{alertstate="firing"})'


def _promtool(document: object, directory: Path) -> str:
    promtool = shutil.which("promtool")
    assert promtool is not None, "there is no promtool: install the package prometheus"
    file = directory / "test.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert "SUCCESS" in said or "got:" in said, said[-3000:]
    return said


def _series(story: Story, until: int) -> Iterator[tuple[str, str]]:
    for instance, told in story.told.items():
        scrapes = [(story.turn + minute, _samples(text, story.turn)) for minute, text in told]
        yield (
            _named("up", (), instance),
            " ".join("1" if _last(scrapes, minute) else "0" for minute in range(until + 1)),
        )
        keys = {key for _, samples in scrapes for key in samples}
        for key in sorted(keys):
            name, labels = key
            values = [_at(scrapes, key, minute, name in story.growing) for minute in range(until + 1)]
            yield _named(name, labels, instance), " ".join(values)


def _samples(text: str | None, turn: int) -> Samples:
    """Those that the rules look at. Windows are moved to where the story is."""
    if text is None:
        return {}
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in _NAMES
    }
    opened = {
        labels: at for (name, labels), at in samples.items() if name == "tollhouse_limit_opened_timestamp_seconds"
    }
    begin = turn * 60 - _OPENED_BEFORE_S
    return {
        (name, labels): at - opened[labels] + begin if name.endswith("_timestamp_seconds") else at
        for (name, labels), at in samples.items()
    }


def _last(scrapes: Sequence[tuple[int, Samples]], minute: int) -> Samples:
    """The scrape that counts at a minute: the newest until then."""
    return next((samples for at, samples in reversed(scrapes) if at <= minute), scrapes[0][1])


def _at(
    scrapes: Sequence[tuple[int, Samples]], key: tuple[str, tuple[tuple[str, str], ...]], minute: int, grows: bool
) -> str:
    """One value as promtool writes it: `_` is none."""
    now = _last(scrapes, minute).get(key)
    if now is None:
        return "stale"
    later = next(((at, samples) for at, samples in scrapes if at > minute), None)
    since = max((at for at, _ in scrapes if at <= minute), default=scrapes[0][0])
    if later is None:
        return repr(now + 60 * (minute - since)) if grows else repr(now)
    if minute < since or key not in later[1]:
        return repr(now)
    return repr(now + (later[1][key] - now) * (minute - since) / (later[0] - since))


def _named(name: str, labels: Sequence[tuple[str, str]], instance: str) -> str:
    inside = [*labels, ("instance", instance), ("job", "tollhouse")]
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in inside)}}}"
