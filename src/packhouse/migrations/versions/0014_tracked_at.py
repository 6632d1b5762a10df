"""When that happened which a parcel's carrier told last: what is older is not told again."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("parcels", sa.Column("tracked_at", Instant(), nullable=True))
