"""What customers owe: customers, open items, entries, holds, bank messages; the moved date."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "business_date_shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business_date_shift")),
    )
    op.create_table(
        "bank_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("failure_code", sa.String(length=60), nullable=True),
        sa.Column("failure_text", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"], ["stored_blob.id"], name=op.f("fk_bank_message_content_id_stored_blob")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_bank_message_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_message")),
        sa.UniqueConstraint("tenant_id", "sha256", name=op.f("uq_bank_message_tenant_id_sha256")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("participant", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("locale", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_customer_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint(
            "tenant_id", "participant", name=op.f("uq_customer_tenant_id_participant")
        ),
    )
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.create_index("ix_customer_name", ["tenant_id", "name"], unique=False)

    op.create_table(
        "bank_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("bank_message_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=700), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("direction", sa.String(length=40), nullable=False),
        sa.Column("booked", sa.Date(), nullable=True),
        sa.Column("valued", sa.Date(), nullable=True),
        sa.Column("end_to_end_id", sa.String(length=200), nullable=True),
        sa.Column("party_name", sa.String(length=300), nullable=True),
        sa.Column("party_iban", sa.String(length=34), nullable=True),
        sa.Column("payment", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("twin", sa.String(length=64), nullable=True),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("result", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("decided_by", sa.String(length=300), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_message_id"],
            ["bank_message.id"],
            name=op.f("fk_bank_payment_bank_message_id_bank_message"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_bank_payment_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_bank_payment_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_payment")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_bank_payment_tenant_id_name")),
    )
    with op.batch_alter_table("bank_payment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_bank_payment_bank_message_id"), ["bank_message_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_bank_payment_content"), ["content"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_bank_payment_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_bank_payment_end_to_end_id"), ["end_to_end_id"], unique=False
        )
        batch_op.create_index("ix_bank_payment_queue", ["tenant_id", "state", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_bank_payment_twin"), ["twin"], unique=False)

    op.create_table(
        "customer_account",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_account_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_customer_account_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("customer_id", "iban", name=op.f("pk_customer_account")),
    )
    with op.batch_alter_table("customer_account", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_customer_account_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "open_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("arises_from", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("number_key", sa.String(length=200), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("original_minor", sa.BigInteger(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("open_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("announced_minor", sa.BigInteger(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(length=140), nullable=True),
        sa.Column("reference_key", sa.String(length=200), nullable=True),
        sa.Column("payee_name", sa.String(length=300), nullable=True),
        sa.Column("payee_iban", sa.String(length=34), nullable=True),
        sa.Column("payee_bic", sa.String(length=11), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["arises_from"], ["open_item.id"], name=op.f("fk_open_item_arises_from_open_item")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_open_item_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_open_item_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_open_item_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_item")),
        sa.UniqueConstraint("document_id", name=op.f("uq_open_item_document_id")),
    )
    with op.batch_alter_table("open_item", schema=None) as batch_op:
        batch_op.create_index(
            "ix_open_item_amount", ["tenant_id", "currency", "open_minor"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_open_item_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_open_item_list", ["tenant_id", "closed_on", "due_date", "id"], unique=False
        )
        batch_op.create_index("ix_open_item_number", ["tenant_id", "number"], unique=False)
        batch_op.create_index("ix_open_item_number_key", ["tenant_id", "number_key"], unique=False)
        batch_op.create_index(
            "ix_open_item_reference_key", ["tenant_id", "reference_key"], unique=False
        )

    op.create_table(
        "hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_hold_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["open_item.id"], name=op.f("fk_hold_item_id_open_item")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_hold_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hold_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hold_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("dispute", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("source_kind", sa.String(length=40), nullable=False),
        sa.Column("source_reference", sa.String(length=700), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["open_item.id"], name=op.f("fk_ledger_entry_item_id_open_item")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_ledger_entry_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "item_id",
            "kind",
            "source_kind",
            "source_reference",
            name=op.f("uq_ledger_entry_item_id_kind_source_kind_source_reference"),
        ),
        sa.UniqueConstraint("item_id", "position", name=op.f("uq_ledger_entry_item_id_position")),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_entry_item_id"), ["item_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entry_tenant_id"), ["tenant_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entry_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_entry_item_id"))

    op.drop_table("ledger_entry")
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hold_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_hold_customer_id"))

    op.drop_table("hold")
    with op.batch_alter_table("open_item", schema=None) as batch_op:
        batch_op.drop_index("ix_open_item_reference_key")
        batch_op.drop_index("ix_open_item_number_key")
        batch_op.drop_index("ix_open_item_number")
        batch_op.drop_index("ix_open_item_list")
        batch_op.drop_index(batch_op.f("ix_open_item_customer_id"))
        batch_op.drop_index("ix_open_item_amount")

    op.drop_table("open_item")
    with op.batch_alter_table("customer_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_customer_account_tenant_id"))

    op.drop_table("customer_account")
    with op.batch_alter_table("bank_payment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bank_payment_twin"))
        batch_op.drop_index("ix_bank_payment_queue")
        batch_op.drop_index(batch_op.f("ix_bank_payment_end_to_end_id"))
        batch_op.drop_index(batch_op.f("ix_bank_payment_customer_id"))
        batch_op.drop_index(batch_op.f("ix_bank_payment_content"))
        batch_op.drop_index(batch_op.f("ix_bank_payment_bank_message_id"))

    op.drop_table("bank_payment")
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_name")

    op.drop_table("customer")
    op.drop_table("bank_message")
    op.drop_table("business_date_shift")
