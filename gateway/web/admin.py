"""The control plane below `/admin/v1`: every operation, for those whose role has the power for it."""

from typing import Final

from aiohttp import web

from gateway.web import (
    admin_alerts,
    admin_audit,
    admin_holds,
    admin_jobs,
    admin_key_usage,
    admin_keys,
    admin_people,
    admin_policies,
    admin_policy_plan,
    admin_policy_versions,
    admin_prices,
    admin_teams,
    admin_webhooks,
    diagnosis,
)
from gateway.web.administration import Control, route
from gateway.web.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *admin_keys.OPERATIONS,
    *admin_key_usage.OPERATIONS,
    *admin_policies.OPERATIONS,
    *admin_policy_plan.OPERATIONS,
    *admin_policy_versions.OPERATIONS,
    *admin_prices.OPERATIONS,
    *admin_holds.OPERATIONS,
    *admin_jobs.OPERATIONS,
    *admin_teams.OPERATIONS,
    *admin_webhooks.OPERATIONS,
    *admin_alerts.OPERATIONS,
    *admin_people.OPERATIONS,
    *admin_audit.OPERATIONS,
    *diagnosis.OPERATIONS,
)


def admin_routes(control: Control) -> list[web.RouteDef]:
    """Every route, for the control plane's application."""
    return [route(operation, control) for operation in OPERATIONS]
