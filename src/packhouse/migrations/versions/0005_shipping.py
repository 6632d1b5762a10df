"""Shipments, parcels, documents, and what an account ships with."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_IDS = ("shipping_setup", "shipments", "parcels")


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for name in _IDS:
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_id")))
    _count_shipments()
    _make_setup()
    _make_shipments()
    _make_parcels()


def _count_shipments() -> None:
    op.add_column("orders", sa.Column("live_shipments", sa.Integer(), server_default=sa.text("0"), nullable=False))
    incoming = sa.text("live_shipments = 0")
    op.create_index(
        "ix_orders_incoming", "orders", ["account_id", "id"], postgresql_where=incoming, sqlite_where=incoming
    )


def _make_setup() -> None:
    op.create_table(
        "shipping_setup",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("modified_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "kind", "id", name="pk_shipping_setup"),
    )


def _make_shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uuid", CodePointText(), nullable=False),
        sa.Column("for_order", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", CodePointText(), nullable=False),
        sa.Column("order_number_folded", CodePointText(), nullable=False),
        sa.Column("external_reference_id", CodePointText()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("announced_at", Instant()),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_shipments"),
    )
    op.create_index("uq_shipments_uuid", "shipments", ["account_id", "uuid"], unique=True)
    op.create_index("ix_shipments_order", "shipments", ["account_id", "for_order"])
    op.create_index("ix_shipments_order_number", "shipments", ["account_id", "order_number_folded", "id"])
    op.create_index("ix_shipments_updated", "shipments", ["account_id", "updated_at"])


def _make_parcels() -> None:
    op.create_table(
        "parcels",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("tracking_number", CodePointText()),
        sa.Column("tracking_url", sa.Text()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_parcels"),
    )
    op.create_index("ix_parcels_shipment", "parcels", ["account_id", "shipment_id"])
    op.create_index("ix_parcels_status", "parcels", ["account_id", "status_code", "shipment_id"])
    op.create_index("ix_parcels_tracking_number", "parcels", ["account_id", "tracking_number"])
    op.create_table(
        "documents",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parcel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("account_id", "parcel_id", "kind", name="pk_documents"),
    )
