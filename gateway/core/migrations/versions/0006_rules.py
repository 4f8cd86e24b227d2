"""The rule store: files of rule sets and imported sets."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rule_artefact",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=600), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_rule_artefact")),
    )
    op.create_table(
        "ruleset_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ruleset_id", sa.String(length=100), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=340), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruleset_entry")),
    )
    with op.batch_alter_table("ruleset_entry", schema=None) as batch_op:
        batch_op.create_index("ix_ruleset_entry_ruleset", ["ruleset_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("ruleset_entry")
    op.drop_table("rule_artefact")
