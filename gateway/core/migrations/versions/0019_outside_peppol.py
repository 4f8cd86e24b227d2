"""Outside Peppol: texts of e-mails, links only fetched, addresses customers are found at."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dispatch_text",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=False),
        sa.Column("updated_by", sa.String(length=300), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_dispatch_text_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "language", name=op.f("pk_dispatch_text")),
    )
    with op.batch_alter_table("dispatch", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True))
    # Until now every fetch counted as opening.
    op.execute("UPDATE dispatch SET fetched_at = opened_at")
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("peppol_address", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("peppol_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_customer_peppol_address", "customer", ["tenant_id", "peppol_address"])


def downgrade() -> None:
    op.drop_index("ix_customer_peppol_address", table_name="customer")
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_column("peppol_asked_at")
        batch_op.drop_column("peppol_address")
    with op.batch_alter_table("dispatch", schema=None) as batch_op:
        batch_op.drop_column("fetched_at")
    op.drop_table("dispatch_text")
