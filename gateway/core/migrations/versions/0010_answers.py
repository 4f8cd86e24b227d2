"""Answers between access points: policies, and every MLS owed or awaited."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer_policy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("confirm", sa.String(length=40), nullable=False),
        sa.Column("invalid", sa.String(length=40), nullable=False),
        sa.Column("timer_minutes", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=340), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_answer_policy_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_answer_policy")),
    )
    op.create_table(
        "mls_record",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked", sa.String(length=40), nullable=False),
        sa.Column("peer_seat", sa.String(length=40), nullable=False),
        sa.Column("own_seat", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timer_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.String(length=2), nullable=True),
        sa.Column("statement", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("took_s", sa.Integer(), nullable=True),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mls_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("outcome_text", sa.Text(), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome_by", sa.String(length=340), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_mls_record_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["mls_id"], ["document.id"], name=op.f("fk_mls_record_mls_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_mls_record_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_mls_record")),
    )
    with op.batch_alter_table("mls_record", schema=None) as batch_op:
        batch_op.create_index("ix_mls_record_month", ["side", "began_at"], unique=False)
        batch_op.create_index("ix_mls_record_state", ["state", "began_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_mls_record_mls_id"), ["mls_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mls_record_tenant_id"), ["tenant_id"], unique=False)
    op.add_column("transmission", sa.Column("mls_asked", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("transmission", "mls_asked")
    op.drop_table("mls_record")
    op.drop_table("answer_policy")
