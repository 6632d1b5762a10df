"""The indexes of incoming and of shipped orders hold what lists are narrowed and sorted by, so that no document is read
for what is not shown."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_REST = ["integration_id", "status_folded", "order_updated_at", "live_shipments"]


def upgrade() -> None:
    for name, first, condition in (
        ("ix_orders_incoming", ["account_id", "id", "order_created_at"], "live_shipments = 0"),
        ("ix_orders_shipped", ["account_id", "order_created_at", "id"], "live_shipments > 0"),
    ):
        op.drop_index(name, table_name="orders")
        where = sa.text(condition)
        op.create_index(name, "orders", [*first, *_REST], sqlite_where=where, postgresql_where=where)
