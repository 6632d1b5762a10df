"""The database: everything that differs between SQLite and PostgreSQL is inside this package."""

from packhouse.kit.db.database import DEFAULT_TUNING, Database, DatabaseUrlError, Tuning
from packhouse.kit.db.transaction import SEQUENCES, Reader, Transaction, connection_of

__all__ = [
    "DEFAULT_TUNING",
    "SEQUENCES",
    "Database",
    "DatabaseUrlError",
    "Reader",
    "Transaction",
    "Tuning",
    "connection_of",
]
