"""Delivery and hand-over: the policies of accounts, what the business has, rounds of sending."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_policy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("backoff_s", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("deadline_s", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("on_failure", sa.String(length=40), nullable=False),
        sa.Column("mls_asked", sa.String(length=40), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_delivery_policy_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_delivery_policy")),
    )
    _handover_policy()
    _handover()
    with op.batch_alter_table("document", schema=None) as batch_op:
        # The default stays: SQLite could drop it only with the table, which rows refer to.
        batch_op.add_column(
            sa.Column("sending_round", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.create_index("ix_document_transport", ["transport", "created_at"], unique=False)


def _handover_policy() -> None:
    op.create_table(
        "handover_policy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("acknowledgement", sa.String(length=40), nullable=False),
        sa.Column("ack_within_s", sa.Integer(), nullable=False),
        sa.Column("with_rejected", sa.Boolean(), nullable=False),
        sa.Column("sftp_host", sa.String(length=255), nullable=False),
        sa.Column("sftp_port", sa.Integer(), nullable=False),
        sa.Column("sftp_username", sa.String(length=100), nullable=False),
        sa.Column("sftp_directory", sa.String(length=500), nullable=False),
        sa.Column("sftp_host_key", sa.Text(), nullable=False),
        sa.Column("sftp_password", sa.Text(), nullable=False),
        sa.Column("sftp_private_key", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_handover_policy_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_handover_policy")),
    )


def _handover() -> None:
    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("acknowledgement", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=200), nullable=True),
        sa.Column("ack_by", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_handover_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_handover_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("document_id", name=op.f("uq_handover_document_id")),
    )
    with op.batch_alter_table("handover", schema=None) as batch_op:
        batch_op.create_index("ix_handover_list", ["tenant_id", "state", "id"], unique=False)
        batch_op.create_index("ix_handover_ack_by", ["ack_by"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.drop_index("ix_document_transport")
        batch_op.drop_column("sending_round")
    op.drop_table("handover")
    op.drop_table("handover_policy")
    op.drop_table("delivery_policy")
