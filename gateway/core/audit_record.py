"""What is kept of a change: who asked for what, from where and why, and what came of it.

The rule of this file: a change is two entries of the ledger. The first is written before anything changes and the
second after, so that no change is without a record; one without its second was cut off, and somebody must look.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from gateway.core.role import Administrator, Role

BEGUN: Final = "audit_begun"
DONE: Final = "audit_done"
KINDS: Final = (BEGUN, DONE)

# JSON values by name; never a secret.
Facts: TypeAlias = Mapping[str, object]

_SUCCEEDED: Final = "done"


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody asks for a change. `source` is an address, `asked` what the request says, without any secret."""

    id: str
    at: datetime
    action: str
    by: Administrator
    source: str
    request_id: str
    reason: str | None
    asked: Facts


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: `code` is the error that was answered, None where it was done. `subject` is what was changed."""

    at: datetime
    code: str | None = None
    subject: str | None = None
    team: str | None = None
    reason: str | None = None
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Both, as they are read again; `done` is None where nobody knows what came of it."""

    begun: Begun
    done: Done | None

    @property
    def outcome(self) -> str:
        """`done`, the code of the error that was answered, or `unknown`."""
        if self.done is None:
            return "unknown"
        return self.done.code or _SUCCEEDED


def begun_facts(begun: Begun) -> Mapping[str, str]:
    """The facts of the first entry. Its subject is the record's id."""
    return _texts(
        {
            "action": begun.action,
            "by": begun.by.name,
            "admin": begun.by.id,
            "role": begun.by.role,
            "led_team": begun.by.team,
            "from": begun.source,
            "request": begun.request_id,
            "reason": begun.reason,
            "asked": _json(begun.asked),
        }
    )


def done_facts(done: Done) -> Mapping[str, str]:
    """The facts of the second entry."""
    return _texts(
        {
            "outcome": done.code or _SUCCEEDED,
            "subject": done.subject,
            "team": done.team,
            "reason": done.reason,
            "before": _json(done.before),
            "after": _json(done.after),
        }
    )


def read_begun(record_id: str, at: datetime, facts: Mapping[str, str]) -> Begun:
    """The inverse of `begun_facts`. Raises KeyError, ValueError for facts that are none."""
    by = Administrator(facts["admin"], facts["by"], Role(facts["role"]), facts.get("led_team"))
    asked = json.loads(facts["asked"])
    return Begun(record_id, at, facts["action"], by, facts["from"], facts["request"], facts.get("reason"), asked)


def read_done(at: datetime, facts: Mapping[str, str]) -> Done:
    """The inverse of `done_facts`. Raises KeyError, ValueError for facts that are none."""
    code = None if facts["outcome"] == _SUCCEEDED else facts["outcome"]
    before, after = json.loads(facts["before"]), json.loads(facts["after"])
    return Done(at, code, facts.get("subject"), facts.get("team"), facts.get("reason"), before, after)


def _json(facts: Facts) -> str:
    return json.dumps(dict(facts), sort_keys=True)


def _texts(facts: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: text for name, text in facts.items() if text is not None}
