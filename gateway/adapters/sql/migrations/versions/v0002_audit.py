"""Finds the audit trail among all entries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BEGUN = sa.text("kind = 'audit_begun'")


def upgrade() -> None:
    """Make the index; the table may be long."""
    op.create_index("ledger_entries_audit", "ledger_entries", ["at"], sqlite_where=_BEGUN, postgresql_where=_BEGUN)
