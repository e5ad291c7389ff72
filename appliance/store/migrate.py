"""Brings a database to this version's schema with Alembic, and refuses one that a newer version has written."""

from __future__ import annotations

from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select

from appliance.errors import DataTooNew

_LOCK = 0x73757070
"""Held while a PostgreSQL is upgraded, so that of several replicas that start at once the first does it and the others find it done."""


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing, in one transaction. Raises ``DataTooNew``; then nothing was changed."""
    config = Config()
    with resources.as_file(resources.files("appliance.store") / "migrations") as folder:
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        scripts = ScriptDirectory.from_config(config)
        known = {script.revision for script in scripts.walk_revisions()}
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
        if unknown := set(present) - known:
            raise DataTooNew(
                f"The data directory was written by a newer version of the appliance (schema {', '.join(sorted(unknown))}).",
                remedy="Start that version, or restore a backup made by this one.",
            )
        if set(present) == set(scripts.get_heads()):
            return
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
