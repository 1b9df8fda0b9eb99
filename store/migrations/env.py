"""Alembic's environment: the connection is handed in by ``store.migrating``."""

from __future__ import annotations

from alembic import context

from store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=False)
# The transaction is the caller's: the whole upgrade happens or none of it.
context.run_migrations()
