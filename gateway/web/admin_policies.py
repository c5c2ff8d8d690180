"""The control plane's routes for policies and prices: what is live, and how other files become so."""

from collections.abc import Mapping
from typing import Final

from gateway.core.complaint import Complaint
from gateway.core.plan import Rules
from gateway.core.policy_version import NONE_LIVE, Signature
from gateway.core.role import Power
from gateway.service.policy_desk import PolicyDesk, Published, Unchanged
from gateway.web import admin_errors, errors
from gateway.web.admin_documents import Words
from gateway.web.administration import matches
from gateway.web.operation import Answer, Body, Call, Change, Document, Nothing, Operation
from gateway.web.problem import GatewayError


class CheckBody(Body):
    """`files`: path below the policies directory to TOML text."""

    files: dict[str, str]

    def recorded(self) -> dict[str, object]:
        return {**self.model_dump(mode="json", exclude={"files"}), "files": len(self.files)}


class FilesBody(Body):
    """Either `files`, or the `version` of files that were live before."""

    files: dict[str, str] | None = None
    version: str | None = None

    def recorded(self) -> dict[str, object]:
        said = self.model_dump(mode="json", exclude={"files"}, exclude_none=True)
        return said if self.files is None else {**said, "files": len(self.files)}


class ApplyBody(FilesBody):
    """Also the teams that shall go, and the limits that may start anew.

    `expect` is the version that must be live still, `none` for no version at all. `author` is who says so, if not the
    admin key's name.
    """

    remove_teams: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    expect: str | None = None
    author: Words | None = None
    message: Words | None = None


class Mistake(Document):
    """What is wrong with a file, at which key, and in which line, where that can be told; and what may be meant."""

    file: str
    key: str
    message: str
    line: int | None
    suggestion: str | None


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
    seen = NONE_LIVE if live is None else live.version
    if call.if_match is not None and (live is None or not matches(call.if_match, seen)):
        return admin_errors.changed_meanwhile("version", seen)
    files = await wanted(desk, body)
    if isinstance(files, GatewayError):
        return files
    signature = Signature(body.author or call.by.name, call.control.clock.now(), body.message or "")
    # What If-Match was compared with must be live still when the files become so.
    expect = seen if body.expect is None and call.if_match is not None else body.expect
    match await desk.publish(files, body.remove_teams, body.reset, signature, expect):
        case Published(version):
            change = Change("policies", reason=body.message, before=before, after={"version": version})
            return Answer(AppliedPolicies(version=version, changed=True), change, etag=version)
        case Unchanged(version):
            change = Change("policies", before=before, after=before)
            return Answer(AppliedPolicies(version=version, changed=False), change, etag=version)
        case refused:
            return admin_errors.not_published(refused)


async def wanted(desk: PolicyDesk, body: FilesBody) -> Mapping[str, str] | GatewayError:
    """The files that a request is about: its own, or those of a version in the store."""
    if (body.files is None) == (body.version is None):
        return errors.invalid_input("files", 'Give either "files" or the "version" of files that were live before.')
    if body.version is None:
        return body.files or {}
    stored = await desk.version(body.version)
    return admin_errors.no_such_version(body.version) if stored is None else stored.files


def _mistake(complaint: Complaint) -> Mistake:
    return Mistake(
        file=complaint.file,
        key=complaint.key,
        message=complaint.message,
        line=complaint.line,
        suggestion=complaint.suggestion,
    )


# What files may be refused for, whatever is done with them.
REFUSED: Final = ("POLICY_INVALID", "ORGANIZATION_MISMATCH")

OPERATIONS: Final = (
    Operation(
        *("GET", "/admin/v1/policies/live", "Show what is live", Power.READ_POLICIES, live_policies, LivePolicies),
        errors=("POLICY_NOT_FOUND",),
        tagged=True,
    ),
    Operation(
        *("POST", "/admin/v1/policies/check", "Check files", Power.READ_POLICIES, check_policies, CheckedPolicies),
        body=CheckBody,
        errors=REFUSED,
    ),
    Operation(
        *("POST", "/admin/v1/policies/apply", "Make files live", Power.CHANGE_POLICIES),
        *(apply_policies, AppliedPolicies),
        body=ApplyBody,
        errors=(
            *(*REFUSED, "POLICY_REMOVES_TEAMS", "POLICY_RESETS_LIMITS", "POLICY_CONFLICT", "CHANGED_MEANWHILE"),
            "POLICY_NOT_FOUND",
        ),
        action="policies.apply",
        tagged=True,
    ),
)
