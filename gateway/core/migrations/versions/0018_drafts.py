"""Invoices being written at the console."""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in by the change that brings the tables."""


def downgrade() -> None:
    """Filled in by the change that brings the tables."""
