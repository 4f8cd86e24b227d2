"""Participants: times of service, redirects, cards, identification, SML, moves, changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("participant", schema=None) as batch_op:
        for name in ("serves_from", "serves_until", "suspended_at"):
            batch_op.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("suspended_because", sa.String(length=300), nullable=False, server_default="")
        )
    _create_published()
    _create_identification()
    _create_registration()


def _create_published() -> None:
    op.create_table(
        "published_redirect",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("document_type", sa.String(length=527), nullable=False),
        sa.Column("href", sa.String(length=2000), nullable=False),
        sa.Column("certificate_uid", sa.String(length=500), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_published_redirect_participant_id_participant"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_published_redirect_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_redirect")),
        sa.UniqueConstraint(
            "participant_id",
            "document_type",
            name=op.f("uq_published_redirect_participant_id_document_type"),
        ),
    )
    op.create_index(op.f("ix_published_redirect_tenant_id"), "published_redirect", ["tenant_id"])
    op.create_table(
        "business_card",
        sa.Column("participant_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("entities", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_business_card_participant_id_participant"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_business_card_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_business_card")),
    )
    op.create_index(op.f("ix_business_card_tenant_id"), "business_card", ["tenant_id"])
    op.create_table(
        "publication_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("old", sa.String(length=2000), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("affected", sa.Integer(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=340), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_publication_change_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication_change")),
    )
    op.create_index(op.f("ix_publication_change_tenant_id"), "publication_change", ["tenant_id"])


def _create_identification() -> None:
    op.create_table(
        "end_user_identification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=25), nullable=False),
        sa.Column("value", sa.String(length=135), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("proofs", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("method", sa.String(length=60), nullable=False),
        sa.Column("identified_on", sa.Date(), nullable=False),
        sa.Column("identified_by", sa.String(length=200), nullable=False),
        sa.Column("recheck_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("recorded_by", sa.String(length=340), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_end_user_identification_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_end_user_identification")),
    )
    op.create_index(
        "ix_identification_of", "end_user_identification", ["tenant_id", "scheme", "value", "id"]
    )


def _create_registration() -> None:
    op.create_table(
        "sml_registration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=25), nullable=False),
        sa.Column("value", sa.String(length=135), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=60), nullable=False),
        sa.Column("error_text", sa.String(length=1000), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_sml_registration_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sml_registration")),
        sa.UniqueConstraint("scheme", "value", name=op.f("uq_sml_registration_scheme_value")),
    )
    op.create_index(op.f("ix_sml_registration_tenant_id"), "sml_registration", ["tenant_id"])
    op.create_table(
        "participant_move",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=25), nullable=False),
        sa.Column("value", sa.String(length=135), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("error_code", sa.String(length=60), nullable=False),
        sa.Column("started_by", sa.String(length=340), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_participant_move_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant_move")),
    )
    op.create_index(op.f("ix_participant_move_value"), "participant_move", ["value"])


def downgrade() -> None:
    for name in (
        "participant_move",
        "sml_registration",
        "end_user_identification",
        "publication_change",
        "business_card",
        "published_redirect",
    ):
        op.drop_table(name)
    with op.batch_alter_table("participant", schema=None) as batch_op:
        for name in ("suspended_because", "suspended_at", "serves_until", "serves_from"):
            batch_op.drop_column(name)
