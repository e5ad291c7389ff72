"""Alembic's entry: runs on the connection that ``appliance.store.migrate`` hands over."""

from alembic import context

from appliance.store import mail_tables  # noqa: F401 - its tables belong to the metadata
from appliance.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
