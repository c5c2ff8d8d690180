"""What Alembic runs: the migrations, on the connection and in the transaction that `migrate.py` hands over."""

from alembic import context

from gateway.adapters.sql.migrate import VERSION_TABLE
from gateway.adapters.sql.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
