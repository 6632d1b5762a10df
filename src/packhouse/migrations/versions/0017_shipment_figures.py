"""Labels by day and carrier: counted by an index, whatever their number."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A server of the version before may go on writing while this one starts: one parcel is what most shipments have.
    op.add_column("shipments", sa.Column("carrier", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("shipments", sa.Column("parcel_count", sa.Integer(), nullable=False, server_default=sa.text("1")))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    carrier = "document::json #>> '{carrier,name}'" if is_postgresql else "json_extract(document, '$.carrier.name')"
    parcels = sa.text(
        "(SELECT COUNT(*) FROM parcels "
        "WHERE parcels.account_id = shipments.account_id AND parcels.shipment_id = shipments.id)"
    )
    shipments = sa.table("shipments", sa.column("carrier"), sa.column("parcel_count"))
    name: sa.ColumnElement[str] = sa.func.coalesce(sa.literal_column(carrier), "")
    op.execute(shipments.update().values(carrier=name, parcel_count=parcels))
    columns = ["account_id", "created_at", "state", "carrier", "parcel_count"]
    op.create_index("ix_shipments_labels", "shipments", columns)
    if is_postgresql:
        # As for orders: an index is read alone only where vacuum has been.
        op.execute(
            "ALTER TABLE shipments SET (autovacuum_vacuum_insert_scale_factor = 0.02, "
            "autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
        )
