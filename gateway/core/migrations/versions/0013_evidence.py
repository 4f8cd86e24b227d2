"""The audit log as a chain; what it held before is chained in the order it was written."""

import hashlib
import json
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ENTRY = sa.table(
    "audit_entry",
    sa.column("id", sa.Uuid()),
    sa.column("tenant_id", sa.Uuid()),
    sa.column("actor", sa.String()),
    sa.column("action", sa.String()),
    sa.column("object", sa.String()),
    sa.column("facts", sa.JSON().with_variant(JSONB(), "postgresql")),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("number", sa.BigInteger()),
    sa.column("hash", sa.String()),
)
HEAD = sa.table(
    "audit_head",
    sa.column("id", sa.Integer()),
    sa.column("number", sa.BigInteger()),
    sa.column("hash", sa.String()),
)
BATCH = 1000


def upgrade() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("hash", sa.String(length=64), nullable=True))
    number, head = chain(op.get_bind())
    op.execute(sa.insert(HEAD).values(id=1, number=number, hash=head))
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.alter_column("number", existing_type=sa.BigInteger(), nullable=False)
        batch_op.alter_column("hash", existing_type=sa.String(length=64), nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_audit_entry_number"), ["number"])


def chain(connection: sa.Connection) -> tuple[int, str]:
    """Number and hash the entries there are; returns the end of the chain."""
    number, head, last = 0, "0" * 64, None
    while True:
        query = sa.select(ENTRY).order_by(ENTRY.c.id).limit(BATCH)
        rows = connection.execute(query if last is None else query.where(ENTRY.c.id > last)).all()
        if not rows:
            return number, head
        for row in rows:
            number, last = number + 1, row.id
            head = hash_of(row, number, head)
            connection.execute(
                sa.update(ENTRY).where(ENTRY.c.id == row.id).values(number=number, hash=head)
            )


def hash_of(row: sa.Row[Any], number: int, previous: str) -> str:
    at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    canonical = json.dumps(
        {
            "previous": previous,
            "number": number,
            "id": str(row.id),
            "tenant_id": str(row.tenant_id),
            "actor": row.actor,
            "action": row.action,
            "object": row.object,
            "facts": row.facts,
            "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def downgrade() -> None:
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_audit_entry_number"), type_="unique")
        batch_op.drop_column("hash")
        batch_op.drop_column("number")
    op.drop_table("audit_head")
