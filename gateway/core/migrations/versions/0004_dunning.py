"""How they are reminded: policies, calendars, runs, reminders, e-mails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "business_calendar",
        sa.Column("calendar", sa.String(length=60), nullable=False),
        sa.Column("definition", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("calendar", name=op.f("pk_business_calendar")),
    )
    op.create_table(
        "dunning_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_dunning_run_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_run")),
        sa.UniqueConstraint(
            "tenant_id", "business_date", name=op.f("uq_dunning_run_tenant_id_business_date")
        ),
    )
    op.create_table(
        "reminder_policy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("policy", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("definition", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_reminder_policy_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_policy")),
        sa.UniqueConstraint(
            "tenant_id",
            "policy",
            "version",
            name=op.f("uq_reminder_policy_tenant_id_policy_version"),
        ),
    )
    with op.batch_alter_table("reminder_policy", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reminder_policy_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "reminder",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("step_key", sa.String(length=400), nullable=False),
        sa.Column("policy", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("ubl_id", sa.Uuid(), nullable=True),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_reminder_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_reminder_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["open_item.id"], name=op.f("fk_reminder_item_id_open_item")
        ),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["stored_blob.id"], name=op.f("fk_reminder_letter_id_stored_blob")
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["payment_link.id"], name=op.f("fk_reminder_link_id_payment_link")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_reminder_tenant_id_tenant")
        ),
        sa.ForeignKeyConstraint(
            ["ubl_id"], ["stored_blob.id"], name=op.f("fk_reminder_ubl_id_stored_blob")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint("document_id", name=op.f("uq_reminder_document_id")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_reminder_tenant_id_number")),
        sa.UniqueConstraint("tenant_id", "step_key", name=op.f("uq_reminder_tenant_id_step_key")),
    )
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminder_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_reminder_list", ["tenant_id", "state", "id"], unique=False)

    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("reminder_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=250), nullable=False),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("failure_code", sa.String(length=60), nullable=True),
        sa.Column("failure_text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["content_id"], ["stored_blob.id"], name=op.f("fk_outgoing_mail_content_id_stored_blob")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_outgoing_mail_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["reminder_id"], ["reminder.id"], name=op.f("fk_outgoing_mail_reminder_id_reminder")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_outgoing_mail_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mail")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outgoing_mail_message_id")),
        sa.UniqueConstraint("source", name=op.f("uq_outgoing_mail_source")),
    )
    with op.batch_alter_table("outgoing_mail", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outgoing_mail_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index("ix_outgoing_mail_list", ["tenant_id", "state", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_outgoing_mail_reminder_id"), ["reminder_id"], unique=False
        )

    op.create_table(
        "reminder_line",
        sa.Column("reminder_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("is_claim", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["open_item.id"], name=op.f("fk_reminder_line_item_id_open_item")
        ),
        sa.ForeignKeyConstraint(
            ["reminder_id"], ["reminder.id"], name=op.f("fk_reminder_line_reminder_id_reminder")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_reminder_line_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("reminder_id", "item_id", name=op.f("pk_reminder_line")),
    )
    with op.batch_alter_table("reminder_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminder_line_item_id"), ["item_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("reminder_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reminder_line_item_id"))

    op.drop_table("reminder_line")
    with op.batch_alter_table("outgoing_mail", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outgoing_mail_reminder_id"))
        batch_op.drop_index("ix_outgoing_mail_list")
        batch_op.drop_index(batch_op.f("ix_outgoing_mail_customer_id"))

    op.drop_table("outgoing_mail")
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.drop_index("ix_reminder_list")
        batch_op.drop_index(batch_op.f("ix_reminder_customer_id"))

    op.drop_table("reminder")
    with op.batch_alter_table("reminder_policy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reminder_policy_tenant_id"))

    op.drop_table("reminder_policy")
    op.drop_table("dunning_run")
    op.drop_table("business_calendar")
