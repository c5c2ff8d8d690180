"""The tables of the SQL ledger as the program writes them; `migrations/` makes them, and docs/ledger.md explains them.

Amounts are micro-USD or counts, times microseconds since 1970 (UTC), as in the store.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text

METADATA: Final = MetaData()
# However long a name is that somebody else gave: what cannot be written would stop the export for ever.
_NAME: Final = Text()
_AUDIT: Final = text("kind = 'audit_begun'")
_OF_KEY: Final = text("key_id IS NOT NULL")

ENTRIES: Final = Table(
    "ledger_entries",
    METADATA,
    Column("epoch", _NAME, nullable=False),
    Column("seq", BigInteger, nullable=False, autoincrement=False),
    Column("kind", _NAME, nullable=False),
    Column("hold", _NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("moves", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("job", _NAME),
    Column("cost", BigInteger),
    Column("record", Text),
    Column("team", _NAME),
    Column("key_id", _NAME),
    Column("model", _NAME),
    Column("version", _NAME),
    Column("amount", BigInteger),
    Column("test", Boolean),
    Column("lost_in", _NAME),
    Index("ledger_entries_hold", "hold"),
    Index("ledger_entries_at", "at"),
    Index("ledger_entries_audit", "at", sqlite_where=_AUDIT, postgresql_where=_AUDIT),
    Index("ledger_entries_key", "key_id", "at", sqlite_where=_OF_KEY, postgresql_where=_OF_KEY),
    # In this order it also finds a range of numbers, of whatever epochs.
    PrimaryKeyConstraint("seq", "epoch"),
)

ACCOUNTS: Final = Table(
    "ledger_accounts",
    METADATA,
    Column("account", _NAME, primary_key=True),
    Column("posted", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("admitted_at", BigInteger, nullable=False),
    Index("ledger_accounts_admitted_at", "admitted_at"),
)

EXPORT: Final = Table(
    "ledger_export",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ledger", _NAME, nullable=False),
    Column("organization", _NAME),
    Column("token", BigInteger, nullable=False),
    Column("holder", _NAME),
    Column("leased_until", BigInteger, nullable=False),
    Column("epoch", _NAME),
    Column("seq", BigInteger, nullable=False),
    Column("entry", _NAME),
    Column("refused", _NAME, nullable=False),
)

REFUSED: Final = Table(
    "refused_submissions",
    METADATA,
    Column("id", _NAME, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("request_id", _NAME, nullable=False),
    Column("organization", _NAME, nullable=False),
    Column("team", _NAME, nullable=False),
    Column("key_id", _NAME, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("model", _NAME, nullable=False),
    Column("version", _NAME),
    Column("amount", BigInteger),
    Column("outcome", _NAME, nullable=False),
    Column("code", _NAME, nullable=False),
    Column("limit_name", _NAME),
    Column("limit_scope", _NAME),
    Column("policy", _NAME, nullable=False),
    Column("rate_card", _NAME),
    Column("inputs", Text, nullable=False),
    Column("after", BigInteger),
    Index("refused_submissions_at", "at"),
    Index("refused_submissions_team", "team"),
    Index("refused_submissions_key", "key_id", "at"),
)
