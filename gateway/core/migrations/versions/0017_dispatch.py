"""Documents to customers who are not on Peppol: channels of customers, e-mails, links, bounces."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _channels()
    _dispatch()
    op.create_table(
        "dispatch_key",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dispatch_key")),
    )


def _channels() -> None:
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(length=40), nullable=True))
    with op.batch_alter_table("customer", schema=None) as batch_op:
        for column in (
            sa.Column("channel", sa.String(length=40), nullable=True),
            sa.Column("invoice_email", sa.String(length=254), nullable=True),
            sa.Column("invoice_format", sa.String(length=40), nullable=True),
            sa.Column("peppol_found_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("peppol_declined_at", sa.DateTime(timezone=True), nullable=True),
        ):
            batch_op.add_column(column)


def _dispatch() -> None:
    op.create_table(
        "dispatch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=True),
        sa.Column("locale", sa.String(length=10), nullable=False),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("link_version", sa.Integer(), nullable=False),
        sa.Column("link_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("content_id", sa.Uuid(), nullable=True),
        sa.Column("pdf_id", sa.Uuid(), nullable=True),
        sa.Column("bounce_id", sa.Uuid(), nullable=True),
        sa.Column("failure_code", sa.String(length=60), nullable=True),
        sa.Column("failure_text", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_dispatch_{column}_{table}")
            )
            for column, table in (
                ("tenant_id", "tenant"),
                ("document_id", "document"),
                ("customer_id", "customer"),
                ("content_id", "stored_blob"),
                ("pdf_id", "stored_blob"),
                ("bounce_id", "stored_blob"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch")),
        sa.UniqueConstraint("document_id", "number", name=op.f("uq_dispatch_document_id_number")),
        sa.UniqueConstraint("token", name=op.f("uq_dispatch_token")),
        sa.UniqueConstraint("link_id", name=op.f("uq_dispatch_link_id")),
    )
    op.create_index("ix_dispatch_list", "dispatch", ["tenant_id", "state", "id"])
    op.create_index(op.f("ix_dispatch_customer_id"), "dispatch", ["customer_id"])


def downgrade() -> None:
    op.drop_table("dispatch_key")
    op.drop_table("dispatch")
    for table, columns in (
        (
            "customer",
            (
                "peppol_declined_at",
                "peppol_found_at",
                "invoice_format",
                "invoice_email",
                "channel",
            ),
        ),
        ("document", ("channel",)),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
