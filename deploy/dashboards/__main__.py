"""Write the dashboards to `deploy/grafana`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.dashboards.operations import operations
from deploy.dashboards.spend import spend

PLACE: Final = Path(__file__).parents[1] / "grafana"


def dashboards() -> Mapping[str, dict[str, Any]]:
    """Each dashboard's document by the name of its file."""
    made = {"spend": spend(), "operations": operations()}
    return {name: json.loads(JSONEncoder(sort_keys=True).encode(one.build())) for name, one in made.items()}


def main() -> None:
    for name, document in dashboards().items():
        (PLACE / f"{name}.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
