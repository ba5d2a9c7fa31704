"""Alembic's environment; migrate.py hands it a connection."""

from alembic import context

from netbilld.adapters.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
# the transaction is migrate.py's, so that a failed step leaves nothing behind
context.run_migrations()
