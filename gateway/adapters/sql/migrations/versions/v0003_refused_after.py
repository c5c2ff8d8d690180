"""Says of each refused submission after which entry the store refused it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what was refused before, nobody knows."""
    op.add_column("refused_submissions", sa.Column("after", sa.BigInteger))
