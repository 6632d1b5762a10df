"""How many orders there are, kept; and orders are found by the serial numbers in them.

A worker writes what orders are found by anew (`search.SINCE`), and counts once more: what the processes of the version
before do meanwhile is in no count.
"""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_FILL = """
INSERT INTO order_counts (account_id, integration_id, status_folded, is_shipped, total)
SELECT account_id, integration_id, status_folded, CASE WHEN live_shipments > 0 THEN 1 ELSE 0 END, count(*)
FROM orders GROUP BY 1, 2, 3, 4
"""


def upgrade() -> None:
    op.create_table(
        "order_counts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("integration_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status_folded", CodePointText(), nullable=False),
        sa.Column("is_shipped", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "integration_id", "status_folded", "is_shipped", name="pk_order_counts"),
    )
    op.create_table(
        "order_count_changes",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("status_folded", CodePointText(), nullable=False),
        sa.Column("is_shipped", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_order_count_changes"),
    )
    op.execute(_FILL)
