"""Attempts to sign in with a wait that grows, and the browsers that a person is known by."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.columns import Instant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sign_in_attempts", sa.Column("next_at", Instant(), nullable=True))
    op.create_index("ix_sign_in_attempts_account_id_since", "sign_in_attempts", ["account_id", "since"])
    op.create_table(
        "known_browsers",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "user_id", "token_hash", name="pk_known_browsers"),
    )
