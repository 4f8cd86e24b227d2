"""Trust: what authorities said about certificates, and from when a seat's keys sign."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_standing",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=600), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("this_update", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_update", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_good_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_certificate_standing")),
    )
    with op.batch_alter_table("certificate_standing", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_certificate_standing_fetched_at"), ["fetched_at"], unique=False
        )
    op.create_table(
        "revocation_list",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("next_update", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_revocation_list")),
    )
    with op.batch_alter_table("revocation_list", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_revocation_list_fetched_at"), ["fetched_at"], unique=False
        )
    op.create_table(
        "key_schedule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seat_id", sa.String(length=9), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.String(length=200), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_schedule")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_key_schedule_fingerprint")),
    )
    with op.batch_alter_table("key_schedule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_key_schedule_seat_id"), ["seat_id"], unique=False)


def downgrade() -> None:
    op.drop_table("key_schedule")
    op.drop_table("revocation_list")
    op.drop_table("certificate_standing")
