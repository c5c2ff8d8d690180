"""Settings of a gateway in a directory of the test, as the environment would give them."""

from pathlib import Path

from gateway.settings import Settings, load_settings
from tests.walkthrough import policies


def settings(root: Path, *files: dict[str, str], **given: str) -> Settings:
    """A sandboxed gateway with its data in `root/data`. Names in capitals are variables, others `TOLLHOUSE_...`.

    With `files` the policies in `root/policies` become these.
    """
    if files:
        policies.write(root / "policies", {name: text for each in files for name, text in each.items()})
    return load_settings(
        {
            "TOLLHOUSE_LISTEN": "127.0.0.1:0",
            "TOLLHOUSE_CONTROL_LISTEN": "127.0.0.1:0",
            "TOLLHOUSE_DATA_DIR": str(root / "data"),
            "TOLLHOUSE_POLICIES": str(root / "policies"),
            **{name if name.isupper() else f"TOLLHOUSE_{name.upper()}": value for name, value in given.items()},
        }
    )
