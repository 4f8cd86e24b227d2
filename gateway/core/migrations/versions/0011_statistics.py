"""Statistics: the traffic that is counted, who reports it, and the reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _traffic()
    op.create_table(
        "reporting_duty",
        sa.Column("seat_id", sa.String(length=9), nullable=False),
        sa.Column("since", sa.String(length=7), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["seat.seat_id"], name=op.f("fk_reporting_duty_seat_id_seat")
        ),
        sa.PrimaryKeyConstraint("seat_id", name=op.f("pk_reporting_duty")),
    )
    _report()


def _traffic() -> None:
    op.create_table(
        "traffic",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("direction", sa.String(length=40), nullable=False),
        sa.Column("exchanged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("own_seat", sa.String(length=40), nullable=False),
        sa.Column("c2_seat", sa.String(length=40), nullable=False),
        sa.Column("c3_seat", sa.String(length=40), nullable=False),
        sa.Column("document_type_scheme", sa.String(length=25), nullable=False),
        sa.Column("document_type", sa.String(length=500), nullable=False),
        sa.Column("process_scheme", sa.String(length=25), nullable=False),
        sa.Column("process", sa.String(length=200), nullable=False),
        sa.Column("transport_profile", sa.String(length=100), nullable=False),
        sa.Column("c1_country", sa.String(length=2), nullable=True),
        sa.Column("c4_country", sa.String(length=2), nullable=True),
        sa.Column("participant", sa.String(length=200), nullable=False),
        sa.Column("counting", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_traffic_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_traffic_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traffic")),
    )
    with op.batch_alter_table("traffic", schema=None) as batch_op:
        batch_op.create_index("ix_traffic_period", ["own_seat", "exchanged_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_traffic_tenant_id"), ["tenant_id"], unique=False)


def _report() -> None:
    op.create_table(
        "statistics_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("seat_id", sa.String(length=9), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("receiver", sa.String(length=200), nullable=False),
        sa.Column("figures", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("judgement", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["content_id"],
            ["stored_blob.id"],
            name=op.f("fk_statistics_report_content_id_stored_blob"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_statistics_report_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["seat.seat_id"], name=op.f("fk_statistics_report_seat_id_seat")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_statistics_report_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statistics_report")),
        sa.UniqueConstraint(
            "seat_id",
            "kind",
            "period",
            "edition",
            name=op.f("uq_statistics_report_seat_id_kind_period_edition"),
        ),
    )
    with op.batch_alter_table("statistics_report", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_statistics_report_document_id"), ["document_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_statistics_report_tenant_id"), ["tenant_id"], unique=False
        )


def downgrade() -> None:
    op.drop_table("statistics_report")
    op.drop_table("reporting_duty")
    op.drop_table("traffic")
