"""Brings the tables of the SQL ledger to the form that this version of the program writes.

The rule of this file: of several that start at once, one does it and the others wait; and a form that is newer than
what this version knows is left alone.
"""

import logging
from importlib import resources
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from gateway.adapters.sql.engine import take_as_long_as_it_takes

VERSION_TABLE: Final = "ledger_version"
_SCRIPTS: Final = resources.files("gateway.adapters.sql") / "migrations"
# It tells of every step, in words of its own.
logging.getLogger("alembic").setLevel(logging.WARNING)
# Any number will do, as long as nobody else locks it.
_LOCK: Final = 0x546F6C6C


class SchemaTooNew(Exception):
    """The tables were made by a newer version of the program."""


def migrate(engine: Engine) -> None:
    """Make or change the tables, if they are not as they should be. Raises SchemaTooNew, SQLAlchemyError."""
    config, scripts = _config(), _scripts()
    with engine.begin() as connection:
        take_as_long_as_it_takes(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = _found(connection)
        _refuse_newer(scripts, found)
        if found != set(scripts.get_heads()):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


class SchemaTooOld(Exception):
    """The tables are those of an older version of the program, or are not there."""


def expect(connection: Connection) -> None:
    """See that the tables are as this program writes them, without changing any. Raises SchemaTooNew, SchemaTooOld."""
    scripts, found = _scripts(), _found(connection)
    _refuse_newer(scripts, found)
    if found != set(scripts.get_heads()):
        raise SchemaTooOld(
            "the SQL ledger has no tables of this version yet: a gateway of this version makes them when it starts"
        )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _refuse_newer(scripts: ScriptDirectory, found: set[str]) -> None:
    if found - {script.revision for script in scripts.walk_revisions()}:
        raise SchemaTooNew(
            f"the SQL ledger has tables of version {', '.join(sorted(found))}, which are newer than this program: "
            "run the version of Tollhouse that made them, or a newer one"
        )


def _found(connection: Connection) -> set[str]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return set(context.get_current_heads())
