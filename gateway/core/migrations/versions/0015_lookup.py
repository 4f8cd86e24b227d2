"""Answers of SMPs, remembered for all processes."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lookup_answer",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_lookup_answer")),
    )
    with op.batch_alter_table("lookup_answer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_lookup_answer_fetched_at"), ["fetched_at"], unique=False
        )


def downgrade() -> None:
    op.drop_table("lookup_answer")
