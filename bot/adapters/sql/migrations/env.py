"""What Alembic runs: the missing migrations over the connection that `bot.adapters.sql.schema` hands in."""

from alembic import context

from bot.adapters.sql.tables import metadata

# SQLite can undo DDL, unlike Alembic's default for it says; what it cannot is ALTER, hence batches.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
