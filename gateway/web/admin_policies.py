"""The control plane's routes for policies and prices: what is live, and how other files become so."""

from typing import Final

from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.role import Power
from gateway.service.policy_desk import Published, Unchanged
from gateway.web import admin_errors
from gateway.web.administration import matches
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation
from gateway.web.problem import GatewayError


class CheckBody(Body):
    """`files`: path below the policies directory to TOML text."""

    files: dict[str, str]

    def recorded(self) -> dict[str, object]:
        return {**self.model_dump(mode="json", exclude={"files"}), "files": len(self.files)}


class ApplyBody(CheckBody):
    """Also the teams that shall go, and the limits that may start anew."""

    remove_teams: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()


class Mistake(Document):
    """What is wrong with a file, and at which key."""

    file: str
    key: str
    message: str


class LivePolicies(Document):
    """`used` is the version that this gateway decides by; where it is another, `complaints` say why."""

    version: str
    used: str | None
    complaints: tuple[Mistake, ...]
    organization: str
    teams: tuple[str, ...]
    files: dict[str, str]


class CheckedPolicies(Document):
    """The files could be applied, as this version."""

    version: str


class AppliedPolicies(Document):
    """`changed` is false when the same files were live already."""

    version: str
    changed: bool


async def live_policies(call: Call[Nothing, None]) -> Answer | GatewayError:
    desk = call.control.desk
    live = await desk.live()
    if live is None:
        return admin_errors.no_policies()
    kept_out, used = await desk.refresh(), desk.current
    document = LivePolicies(
        version=live.version,
        used=None if used is None else used.version,
        complaints=() if kept_out is None else tuple(map(_mistake, kept_out.complaints)),
        organization=desk.organization,
        teams=() if used is None else tuple(sorted(used.policies.teams)),
        files=dict(live.files),
    )
    return Answer(document, etag=live.version)


async def check_policies(call: Call[Nothing, CheckBody]) -> Answer | GatewayError:
    checked = await call.control.desk.check(call.body.files)
    if not isinstance(checked, Rules):
        return admin_errors.not_published(checked)
    return Answer(CheckedPolicies(version=checked.version))


async def apply_policies(call: Call[Nothing, ApplyBody]) -> Answer | GatewayError:
    body, desk = call.body, call.control.desk
    live = await desk.live()
    before = {} if live is None else {"version": live.version}
    if live is not None and not matches(call.if_match, live.version):
        return admin_errors.changed_meanwhile("version", live.version)
    match await desk.publish(body.files, body.remove_teams, body.reset):
        case Published(version):
            change = Change("policies", before=before, after={"version": version})
            return Answer(AppliedPolicies(version=version, changed=True), change, etag=version)
        case Unchanged(version):
            change = Change("policies", before=before, after=before)
            return Answer(AppliedPolicies(version=version, changed=False), change, etag=version)
        case refused:
            return admin_errors.not_published(refused)


def _mistake(complaint: Complaint) -> Mistake:
    return Mistake(file=complaint.file, key=complaint.key, message=complaint.message)


_REFUSED: Final = ("POLICY_INVALID", "ORGANIZATION_MISMATCH")

OPERATIONS: Final = (
    Operation(
        *("GET", "/admin/v1/policies/live", "Show what is live", Power.READ_POLICIES, live_policies, LivePolicies),
        errors=("POLICY_NOT_FOUND",),
        tagged=True,
    ),
    Operation(
        *("POST", "/admin/v1/policies/check", "Check files", Power.READ_POLICIES, check_policies, CheckedPolicies),
        body=CheckBody,
        errors=_REFUSED,
    ),
    Operation(
        *("POST", "/admin/v1/policies/apply", "Make files live", Power.CHANGE_POLICIES),
        *(apply_policies, AppliedPolicies),
        body=ApplyBody,
        errors=(*_REFUSED, "POLICY_REMOVES_TEAMS", "POLICY_RESETS_LIMITS", "POLICY_CONFLICT", "CHANGED_MEANWHILE"),
        action="policies.apply",
        tagged=True,
    ),
)
