"""Secrets as texts that are sealed; those of before wait in ``clear:`` for the next start.

The key is no part of the database, so that sealing is the work of the gateway's next start
(`gateway.core.sealing`), which follows on this at once.
"""

import base64

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BINARY = {
    "webhook_endpoint": ("id", {"secret": False, "former_secret": True}),
    "link_key": ("number", {"secret": False}),
    "dispatch_key": ("number", {"secret": False}),
}
SFTP = ("sftp_password", "sftp_private_key")


def clear(secret: bytes) -> str:
    """How a secret waits to be sealed."""
    return f"clear:{base64.b64encode(secret).decode()}"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # Not every build overwrites what it deletes, and the file must not keep it.
        op.execute("PRAGMA secure_delete=ON")
    for name, (key, columns) in BINARY.items():
        _as_texts(name, key, columns)
    policies = sa.table("handover_policy", sa.column("tenant_id"), *map(sa.column, SFTP))
    rows = op.get_bind().execute(sa.select(policies)).all()
    for row in rows:
        for name in SFTP:
            if secret := getattr(row, name):
                op.execute(
                    policies.update()
                    .where(policies.c.tenant_id == row.tenant_id)
                    .values({name: clear(secret.encode())})
                )


def _as_texts(name: str, key: str, columns: dict[str, bool]) -> None:
    """Turn binary columns (name: may be null) into texts.

    Column by column: SQLite would have to drop a table made anew, which others refer to.
    """
    old = sa.table(name, sa.column(key), *map(sa.column, columns))
    rows = op.get_bind().execute(sa.select(old)).all()
    for column, nullable in columns.items():
        default = None if nullable else ""
        op.execute(f"ALTER TABLE {name} DROP COLUMN {column}")
        op.add_column(name, sa.Column(column, sa.Text(), nullable=nullable, server_default=default))
    for row in rows:
        found = {
            column: clear(bytes(getattr(row, column)))
            for column in columns
            if getattr(row, column) is not None
        }
        op.execute(old.update().where(old.c[key] == getattr(row, key)).values(found))


def downgrade() -> None:
    raise NotImplementedError("sealed secrets cannot be read without their key: restore a backup")
