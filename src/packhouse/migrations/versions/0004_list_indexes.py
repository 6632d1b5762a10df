"""Indexes that narrow and sort a list without its documents (docs/decisions/0009-ways-through-the-indexes.md)."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = ["integration_id", "status_folded"]
_DATES = ["order_created_at", "order_updated_at"]


def upgrade() -> None:
    for name in ("integration", "status", "created", "updated"):
        op.drop_index(f"ix_orders_{name}", "orders")
    for name, columns in (
        ("pk", ["id", *_KINDS, *_DATES]),
        ("integration", ["integration_id", "id", "status_folded", *_DATES]),
        ("status", ["status_folded", "id", "integration_id", *_DATES]),
        ("created", ["order_created_at", "id", *_KINDS, "order_updated_at"]),
        ("updated", ["order_updated_at", "id", *_KINDS, "order_created_at"]),
        ("number", ["order_number", "id", "integration_id"]),
    ):
        op.create_index(f"ix_orders_{name}", "orders", ["account_id", *columns])
    if op.get_bind().dialect.name == "postgresql":
        # An index is read alone only where vacuum has been: let it come for inserts too, before a list feels it.
        op.execute(
            "ALTER TABLE orders SET (autovacuum_vacuum_insert_scale_factor = 0.02, "
            "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
        )
