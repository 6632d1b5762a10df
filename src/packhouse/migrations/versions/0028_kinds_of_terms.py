"""Kinds of search terms begin with a space, so that no text of a customer is taken for one.

What a customer's text was that looks like a kind cannot be told from one any more: it becomes one once more, until its
order is indexed again. Tags that were cut at the end are found again after `packhouse orders reindex`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_MARK = sa.text("UPDATE order_terms SET term = ' ' || term WHERE term >= :kind AND term < :after")


def upgrade() -> None:
    for kind in ("country:", "tag:", "warning:"):
        after = f"{kind[:-1]};"  # the character behind the colon
        op.get_bind().execute(_MARK, {"kind": kind, "after": after})
