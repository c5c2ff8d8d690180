"""The ledger: entries, what they come to by account, how far they are exported, and refused submissions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NAME = sa.Text()


def upgrade() -> None:
    """Make the four tables; they are empty."""
    _entries()
    _accounts()
    _export()
    _refused()


def _entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("epoch", _NAME, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("hold", _NAME, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("moves", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("job", _NAME),
        sa.Column("cost", sa.BigInteger),
        sa.Column("record", sa.Text),
        sa.Column("team", _NAME),
        sa.Column("key_id", _NAME),
        sa.Column("model", _NAME),
        sa.Column("version", _NAME),
        sa.Column("amount", sa.BigInteger),
        sa.Column("test", sa.Boolean),
        sa.Column("lost_in", _NAME),
        sa.PrimaryKeyConstraint("seq", "epoch"),
    )
    op.create_index("ledger_entries_hold", "ledger_entries", ["hold"])
    op.create_index("ledger_entries_at", "ledger_entries", ["at"])


def _accounts() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("account", _NAME, primary_key=True),
        sa.Column("posted", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("admitted_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ledger_accounts_admitted_at", "ledger_accounts", ["admitted_at"])


def _export() -> None:
    op.create_table(
        "ledger_export",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ledger", _NAME, nullable=False),
        sa.Column("organization", _NAME),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("holder", _NAME),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        sa.Column("epoch", _NAME),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("entry", _NAME),
        sa.Column("refused", _NAME, nullable=False),
    )


def _refused() -> None:
    op.create_table(
        "refused_submissions",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("request_id", _NAME, nullable=False),
        sa.Column("organization", _NAME, nullable=False),
        sa.Column("team", _NAME, nullable=False),
        sa.Column("key_id", _NAME, nullable=False),
        sa.Column("test", sa.Boolean, nullable=False),
        sa.Column("model", _NAME, nullable=False),
        sa.Column("version", _NAME),
        sa.Column("amount", sa.BigInteger),
        sa.Column("outcome", _NAME, nullable=False),
        sa.Column("code", _NAME, nullable=False),
        sa.Column("limit_name", _NAME),
        sa.Column("limit_scope", _NAME),
        sa.Column("policy", _NAME, nullable=False),
        sa.Column("rate_card", _NAME),
        sa.Column("inputs", sa.Text, nullable=False),
    )
    op.create_index("refused_submissions_at", "refused_submissions", ["at"])
    op.create_index("refused_submissions_team", "refused_submissions", ["team"])
