"""The tables of accounts, their keys and their people.

Names of accounts, public keys and e-mail addresses of users are unique in the whole installation, but a unique key that
does not begin with `account_id` could not be sharded. `operations` and `users` check them under a lock instead.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, Text, true

from packhouse.kit.db.columns import REFERENCE, Instant, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("country_code", Text, nullable=False),
    Column("takes_basic", Boolean, nullable=False, server_default=true()),
    # Who must have a second factor: `nobody`, `owners` or `everybody`.
    Column("two_factors_for", Text, nullable=False, server_default="nobody"),
    Column("created_at", Instant, nullable=False),
    # Where none is set, that of the country.
    Column("time_zone", Text),
    info=REFERENCE,
)


audit_log = Table(
    "audit_log",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Index("ix_audit_log_action", "account_id", "action", "id"),
    Index("ix_audit_log_actor", "account_id", "actor", "id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    # The secret before the last rotation, and until when it is good.
    Column("second_hash", Text),
    Column("second_until", Instant),
    # `key` for an API key, `client` for an OAuth2 client, which gets tokens and never signs in by HTTP Basic.
    Column("kind", Text, nullable=False, server_default="key"),
    Column("scopes", Text, nullable=False, server_default="api"),
    Column("takes_basic", Boolean, nullable=False, server_default=true()),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index(None, "public_key"),
    info=REFERENCE,
)


class KeyRow(NamedTuple):
    """A row of `api_keys`."""

    account_id: int
    id: int
    name: str
    public_key: str
    secret_hash: str
    second_hash: str | None
    second_until: datetime | None
    kind: str
    scopes: str
    takes_basic: bool
    created_at: datetime
    revoked_at: datetime | None


access_tokens = Table(
    "access_tokens",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_id", Text, primary_key=True),
    Column("key_id", BigInteger, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    ForeignKeyConstraint(["account_id", "key_id"], ["api_keys.account_id", "api_keys.id"], name="fk_access_tokens_key"),
    Index(None, "account_id", "expires_at"),
)

users = Table(
    "users",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Index("ix_users_email", "email_folded"),
    info=REFERENCE,
)


sessions = Table(
    "sessions",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    # When the password was last given in this session.
    Column("confirmed_at", Instant),
    Index("ix_sessions_user", "account_id", "user_id"),
)

# A sign-in whose password was right and whose code is asked for.
pending_sign_ins = Table(
    "pending_sign_ins",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_pending_sign_ins_user", "account_id", "user_id"),
)

# Links by which a person who forgot their password chooses a new one.
reset_links = Table(
    "reset_links",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_reset_links_user", "account_id", "user_id"),
)

# A person's secret of time-based codes, encrypted; `last_step` is that of the newest code that was used. One that is
# being set up is offered, until a code of it has been given.
second_factors = Table(
    "second_factors",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("secret", Text),
    Column("set_up_at", Instant),
    Column("last_step", BigInteger),
    Column("offered", Text),
    Column("offered_at", Instant),
)


class SecondFactorRow(NamedTuple):
    """A row of `second_factors`."""

    account_id: int
    user_id: int
    secret: str | None
    set_up_at: datetime | None
    last_step: int | None
    offered: str | None
    offered_at: datetime | None


recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("code_hash", Text, primary_key=True),
)

# Who tries is not known yet, so these rows are the installation's own: `account_id` is 0.
sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    # When the next attempt may be made; none where it may be made at once.
    Column("next_at", Instant),
    Index(None, "account_id", "since"),
)

known_browsers = Table(
    "known_browsers",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)
