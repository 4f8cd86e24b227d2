"""How they pay: links and their keys, payment initiations, providers' events."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "link_key",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_link_key")),
    )
    op.create_table(
        "payment_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("locale", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_payment_link_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_payment_link_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_link")),
    )
    with op.batch_alter_table("payment_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_link_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_payment_link_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "payment_initiation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("end_to_end_id", sa.String(length=35), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("authorise_url", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
            name=op.f("fk_payment_initiation_customer_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["payment_link.id"],
            name=op.f("fk_payment_initiation_link_id_payment_link"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_payment_initiation_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_initiation")),
        sa.UniqueConstraint("end_to_end_id", name=op.f("uq_payment_initiation_end_to_end_id")),
        sa.UniqueConstraint(
            "provider", "provider_id", name=op.f("uq_payment_initiation_provider_provider_id")
        ),
    )
    with op.batch_alter_table("payment_initiation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_initiation_link_id"), ["link_id"], unique=False
        )
        batch_op.create_index("ix_payment_initiation_quiet", ["state", "updated_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_payment_initiation_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "payment_initiation_item",
        sa.Column("initiation_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["initiation_id"],
            ["payment_initiation.id"],
            name=op.f("fk_payment_initiation_item_initiation_id_payment_initiation"),
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["open_item.id"], name=op.f("fk_payment_initiation_item_item_id_open_item")
        ),
        sa.PrimaryKeyConstraint(
            "initiation_id", "item_id", name=op.f("pk_payment_initiation_item")
        ),
    )
    with op.batch_alter_table("payment_initiation_item", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_initiation_item_item_id"), ["item_id"], unique=False
        )

    op.create_table(
        "payment_link_item",
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["open_item.id"], name=op.f("fk_payment_link_item_item_id_open_item")
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["payment_link.id"], name=op.f("fk_payment_link_item_link_id_payment_link")
        ),
        sa.PrimaryKeyConstraint("link_id", "item_id", name=op.f("pk_payment_link_item")),
    )
    with op.batch_alter_table("payment_link_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_link_item_item_id"), ["item_id"], unique=False)

    op.create_table(
        "provider_event",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("initiation_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["initiation_id"],
            ["payment_initiation.id"],
            name=op.f("fk_provider_event_initiation_id_payment_initiation"),
        ),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_provider_event")),
    )
    with op.batch_alter_table("provider_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_provider_event_initiation_id"), ["initiation_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("provider_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_provider_event_initiation_id"))

    op.drop_table("provider_event")
    with op.batch_alter_table("payment_link_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_link_item_item_id"))

    op.drop_table("payment_link_item")
    with op.batch_alter_table("payment_initiation_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_initiation_item_item_id"))

    op.drop_table("payment_initiation_item")
    with op.batch_alter_table("payment_initiation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_initiation_tenant_id"))
        batch_op.drop_index("ix_payment_initiation_quiet")
        batch_op.drop_index(batch_op.f("ix_payment_initiation_link_id"))

    op.drop_table("payment_initiation")
    with op.batch_alter_table("payment_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_link_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_payment_link_customer_id"))

    op.drop_table("payment_link")
    op.drop_table("link_key")
