"""Drafts begun by programs, and the seller's own pages beside a document."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_draft_key_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_draft_key")),
    )
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pdf_format", sa.String(length=60), nullable=True))
    op.create_table(
        "document_pages",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["blob_id"], ["stored_blob.id"], name=op.f("fk_document_pages_blob_id_stored_blob")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_document_pages_document_id_document")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_pages")),
    )


def downgrade() -> None:
    op.drop_table("document_pages")
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.drop_column("pdf_format")
    op.drop_table("draft_key")
