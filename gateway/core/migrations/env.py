"""Alembic environment: one upgrade at a time, whichever database and however many processes."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Connection, text
from sqlmodel.sql.sqltypes import AutoString

from gateway.core.columns import EnumText, UtcDateTime

ADVISORY_LOCK = 7_305_808_873  # any fixed number; all processes must ask for the same one


def plain(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our column types as what they are in the database: a migration outlives our classes."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, EnumText):
        return "sa.String(length=40)"
    if isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    if isinstance(item, JSON):
        return 'sa.JSON().with_variant(JSONB(), "postgresql")'
    return False


def run(connection: Connection) -> None:
    """Bring the schema where Alembic was told to, alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes["metadata"],
        render_as_batch=True,
        render_item=plain,
        transaction_per_migration=False,
    )
    context.run_migrations()


run(context.config.attributes["connection"])
