"""Webhooks, orders of checks, and what lists of checks are narrowed by."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "validation_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.String(length=340), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("options", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("open_items", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_validation_order_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_validation_order")),
    )
    with op.batch_alter_table("validation_order", schema=None) as batch_op:
        batch_op.create_index("ix_validation_order_list", ["tenant_id", "id"], unique=False)

    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("event_types", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("former_secret", sa.LargeBinary(), nullable=True),
        sa.Column("former_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("disabled_because", sa.String(length=40), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_webhook_endpoint_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_webhook_endpoint_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "webhook_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.String(length=80), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_webhook_message_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_message")),
    )
    with op.batch_alter_table("webhook_message", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_message_created_at", ["created_at"], unique=False)

    op.create_table(
        "validation_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["validation_order.id"],
            name=op.f("fk_validation_key_order_id_validation_order"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["validation_run.id"], name=op.f("fk_validation_key_run_id_validation_run")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_validation_key_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_validation_key")),
    )
    op.create_table(
        "validation_order_item",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["validation_order.id"],
            name=op.f("fk_validation_order_item_order_id_validation_order"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["validation_run.id"],
            name=op.f("fk_validation_order_item_run_id_validation_run"),
        ),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_validation_order_item")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoint.id"],
            name=op.f("fk_webhook_delivery_endpoint_id_webhook_endpoint"),
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["webhook_message.id"],
            name=op.f("fk_webhook_delivery_message_id_webhook_message"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_webhook_delivery_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_delivery_endpoint", ["endpoint_id", "id"], unique=False)
        batch_op.create_index("ix_webhook_delivery_list", ["tenant_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_webhook_delivery_message_id"), ["message_id"], unique=False
        )

    with op.batch_alter_table("validation_run", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("sender", sa.String(length=300), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("number", sa.String(length=300), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("syntax", sa.String(length=40), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("rulesets", sa.String(length=500), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("fatal", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("warnings", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("ix_validation_run_sha256", ["tenant_id", "sha256"], unique=False)
        batch_op.create_index(
            "ix_validation_run_verdict", ["tenant_id", "verdict", "id"], unique=False
        )

    _fill_runs(op.get_bind())


def _fill_runs(connection: sa.Connection) -> None:
    """Give the runs there are what their reports say, some at a time."""
    run = sa.table(
        "validation_run",
        sa.column("id", sa.Uuid()),
        sa.column("report", sa.JSON().with_variant(JSONB(), "postgresql")),
        *(sa.column(name, sa.String()) for name in ("sender", "number", "syntax", "rulesets")),
        *(sa.column(name, sa.Integer()) for name in ("fatal", "warnings")),
    )
    query = sa.select(run.c.id, run.c.report).order_by(run.c.id).limit(100)
    rows = connection.execute(query).all()
    while rows:
        for run_id, report in rows:
            change = sa.update(run).where(run.c.id == run_id).values(**_told(report))
            connection.execute(change)
        rows = connection.execute(query.where(run.c.id > rows[-1].id)).all()


def _told(report: Mapping[str, Any]) -> dict[str, Any]:
    document = report.get("document") or {}
    counts = report.get("counts") or {}
    ids = " ".join(one["id"] for one in report.get("rulesets") or ())
    return {
        "sender": str(document.get("sender") or "")[:300],
        "number": str(document.get("id") or "")[:300],
        "syntax": str(document.get("syntax") or "")[:40],
        "rulesets": f" {ids} "[:500] if ids else "",
        "fatal": counts.get("fatal", 0),
        "warnings": counts.get("warning", 0),
    }


def downgrade() -> None:
    with op.batch_alter_table("validation_run", schema=None) as batch_op:
        batch_op.drop_index("ix_validation_run_verdict")
        batch_op.drop_index("ix_validation_run_sha256")
        batch_op.drop_column("warnings")
        batch_op.drop_column("fatal")
        batch_op.drop_column("rulesets")
        batch_op.drop_column("syntax")
        batch_op.drop_column("number")
        batch_op.drop_column("sender")

    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_delivery_message_id"))
        batch_op.drop_index("ix_webhook_delivery_list")
        batch_op.drop_index("ix_webhook_delivery_endpoint")

    op.drop_table("webhook_delivery")
    op.drop_table("validation_order_item")
    op.drop_table("validation_key")
    with op.batch_alter_table("webhook_message", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_message_created_at")

    op.drop_table("webhook_message")
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_endpoint_tenant_id"))

    op.drop_table("webhook_endpoint")
    with op.batch_alter_table("validation_order", schema=None) as batch_op:
        batch_op.drop_index("ix_validation_order_list")

    op.drop_table("validation_order")
