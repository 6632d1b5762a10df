"""Benches, what is packed at them, what was done there, and their print jobs; orders are found by EAN."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for name in ("benches", "packing_events", "print_jobs"):
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_id")))
    op.create_table(
        "benches",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", CodePointText(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text()),
        sa.Column("agent_seen_at", Instant()),
        sa.Column("order_id", sa.BigInteger()),
        sa.Column("asks", sa.Text()),
        sa.Column("told", sa.Text()),
        sa.Column("last_scan", sa.Text()),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_benches"),
    )
    op.create_table(
        "packings",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_number", CodePointText(), nullable=False),
        sa.Column("bench_id", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.BigInteger()),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "order_id", name="pk_packings"),
    )
    op.create_index("ix_packings_bench", "packings", ["account_id", "bench_id", "state"])
    op.create_table(
        "packing_events",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("bench_id", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_packing_events"),
    )
    op.create_index("ix_packing_events_order", "packing_events", ["account_id", "order_id", "id"])
    op.create_index("ix_packing_events_bench", "packing_events", ["account_id", "bench_id", "action", "at"])
    op.create_table(
        "print_jobs",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bench_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", CodePointText(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("printer", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("claimed_until", Instant()),
        sa.Column("error", sa.Text()),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_print_jobs"),
    )
    op.create_index("ix_print_jobs_bench", "print_jobs", ["account_id", "bench_id", "id"])
    op.create_index("ix_print_jobs_due", "print_jobs", ["account_id", "bench_id", "way", "state", "id"])
