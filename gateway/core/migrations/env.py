"""Alembic environment: one upgrade at a time, whichever database and however many processes."""

from alembic import context
from sqlalchemy import Connection, text

ADVISORY_LOCK = 7_305_808_873  # any fixed number; all processes must ask for the same one


def run(connection: Connection) -> None:
    """Bring the schema where Alembic was told to, alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes["metadata"],
        render_as_batch=True,
        transaction_per_migration=False,
    )
    context.run_migrations()


run(context.config.attributes["connection"])
