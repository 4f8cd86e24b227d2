"""Documents to customers who are not on Peppol: e-mails, links, bounces."""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in by the change that brings the tables."""


def downgrade() -> None:
    """Filled in by the change that brings the tables."""
