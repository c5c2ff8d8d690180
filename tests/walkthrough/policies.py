"""Policy files as a test writes them: `team(budget("5.00"), quota("jobs", 3))`."""

import json
from functools import cache
from pathlib import Path
from typing import Final

PRICES: Final = Path(__file__).parents[2] / "policies" / "prices"
FEW: Final = (
    "kling/kling-2.6-pro/text-to-video",
    "kling/kling-2.6-pro/image-to-video",
    "google/veo-3.1-fast/text-to-video",
    "bytedance-plus/seedream-v4.5/text-to-image",
    "xai/grok-imagine/image-to-video",
)
ORGANIZATION: Final = "acme"
TEAM: Final = "video"


def budget(ceiling: str, name: str = "budget", window: str = "month", **more: object) -> str:
    """A limit on USD."""
    return _table("[limit]", name=name, meter="usd", window=window, ceiling=ceiling, **more)


def quota(meter: str, ceiling: int, name: str | None = None, window: str = "day", **more: object) -> str:
    """A limit on jobs, seconds or images."""
    return _table("[limit]", name=name or meter, meter=meter, window=window, ceiling=ceiling, **more)


def in_flight(ceiling: int, **more: object) -> str:
    """A limit on jobs that run at once."""
    return _table("[limit]", name="at-once", meter="in_flight", ceiling=ceiling, **more)


def rate(requests: int, window: str, **more: object) -> str:
    """A rate of requests."""
    return _table("[rate]", name="submits", requests=requests, window=window, **more)


def allow(**allowed: object) -> str:
    """What the team may run."""
    return _table("allow", **allowed)


def organization(*rules: str, zone: str = "UTC") -> dict[str, str]:
    """The organization's file; without a rule on money of its own, one that is never met."""
    ample = () if any('"usd"' in rule for rule in rules) else (budget("1000000.00", "ample"),)
    head = _lines(schema=1, organization=ORGANIZATION, zone=zone)
    return {"organization.toml": "\n".join([head, *rules, *ample])}


def team(*rules: str, slug: str = TEAM, **head: object) -> dict[str, str]:
    """A team's file; one without an enforced limit on all its money says so."""
    bounded = any('"usd"' in rule and "shadow" not in rule and "models" not in rule for rule in rules)
    own = _lines(schema=1, team=slug, **({} if bounded else {"unlimited": True}), **head)
    return {f"teams/{slug}.toml": "\n".join([own, *rules])}


def whole(*files: dict[str, str]) -> dict[str, str]:
    """The files with what they need where it is not among them: an organization, and prices of a few models."""
    return {**organization(), **few_prices(), **{name: text for each in files for name, text in each.items()}}


def write(directory: Path, files: dict[str, str]) -> None:
    """Write the files, and what they need: an organization, prices."""
    for name, text in whole(files).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def shipped_prices() -> dict[str, str]:
    """The price files as they come with the program: 143 models."""
    return {f"prices/{path.name}": path.read_text(encoding="utf-8") for path in PRICES.glob("*.toml")}


@cache
def few_prices() -> dict[str, str]:
    """The shipped prices of the models that tests name, because reading all of them takes most of a start."""
    return {name: _only(FEW, text) for name, text in shipped_prices().items()}


def _only(slugs: tuple[str, ...], text: str) -> str:
    head, *models = text.split("[[model]]")
    kept = [model for model in models if any(f'"{slug}"' in model for slug in slugs)]
    assert len(kept) == len(slugs)
    return "[[model]]".join([head, *kept])


def alerts_to(url: str) -> str:
    """Who is called when a limit of the file reaches a threshold."""
    return _table("alerts", webhook=url)


def _table(table: str, **fields: object) -> str:
    return f"\n[{table}]\n{_lines(**fields)}"


def _lines(**fields: object) -> str:
    return "\n".join(f"{name} = {_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)
