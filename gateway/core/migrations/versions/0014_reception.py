"""Receptions keep what was learnt of the signer's revocation."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("reception", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revocation_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_reception_revocation_id_stored_blob"),
            "stored_blob",
            ["revocation_id"],
            ["id"],
        )


def downgrade() -> None:
    with op.batch_alter_table("reception", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_reception_revocation_id_stored_blob"), type_="foreignkey"
        )
        batch_op.drop_column("revocation_id")
