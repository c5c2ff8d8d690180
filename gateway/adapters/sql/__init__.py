"""The SQL ledger: every entry of the store once, for good. SQLite in the data directory, or PostgreSQL."""
