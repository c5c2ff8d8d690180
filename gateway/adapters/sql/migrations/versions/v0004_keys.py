"""Finds what was run, and what was refused, with one key."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OF_KEY = sa.text("key_id IS NOT NULL")


def upgrade() -> None:
    """Make the indexes; the tables may be long."""
    op.create_index(
        "ledger_entries_key", "ledger_entries", ["key_id", "at"], sqlite_where=_OF_KEY, postgresql_where=_OF_KEY
    )
    op.create_index("refused_submissions_key", "refused_submissions", ["key_id", "at"])
