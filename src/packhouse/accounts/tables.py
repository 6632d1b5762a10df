"""Accounts and their keys at rest.

Names of accounts and public keys are unique over the whole installation, but a unique key that does not begin with
`account_id` could not be sharded: `operations` checks them under a lock instead.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from packhouse.kit.db import Instant, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("country_code", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
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
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index(None, "public_key"),
)
