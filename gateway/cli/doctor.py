"""`tollhouse doctor`: what state the system is in, and what to do."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import click

from gateway.cli.control import FAILURE, NoAdminKey, Unanswered, settings, try_to_ask
from gateway.web.diagnosis import diagnosis_document
from gateway.wiring import examine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> None:
    """Say in sentences what is so, what is wrong, and what to do next. Exits 0 if all is well, else 1.

    Asks the control plane. Where it does not answer, looks at the data directory, and at TOLLHOUSE_REDIS_URL if set.

    \b
    tollhouse doctor
    """
    try:
        document = try_to_ask("GET", "/admin/v1/doctor")
    except (Unanswered, NoAdminKey) as unanswered:
        found = diagnosis_document(asyncio.run(examine(settings(), str(unanswered))))
        document = found.model_dump(exclude_unset=True)
    click.echo(json.dumps(document) if as_json else _told(document))
    if not document["well"]:
        raise SystemExit(FAILURE)


def _told(document: Mapping[str, Any]) -> str:
    lines = list(document["state"])
    findings = document["findings"]
    if not findings:
        return "\n".join([*lines, "", "All is well."])
    lines += ["", f"{len(findings)} thing{'s need' if len(findings) > 1 else ' needs'} somebody:"]
    for finding in findings:
        lines += ["", f"{finding['check']}: {finding['sentence']}", f"  {finding['step']}"]
    return "\n".join(lines)
