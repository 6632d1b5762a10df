"""Translates errors by which the databases say that they cannot do something now."""

import sqlite3
import ssl

from sqlalchemy import exc as sa_exc

from packhouse.kit import errors
from packhouse.kit.messages import message

_SQLITE_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_AWAY = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
}  # fmt: skip
_SQLITE_DUPLICATE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
# SQLSTATE: lock not available; deadlock, serialization failure, what somebody else made meanwhile: a row, a table,
# or the type that comes with a table (CREATE TABLE IF NOT EXISTS does not look again).
_POSTGRES_BUSY = "55P03"
_POSTGRES_CROSSED = {"40P01", "40001", "23505", "42P07", "42710"}
# SQLSTATE classes: connection, resources (disk full, too many connections), shutdown, system error; 57014 is a timeout.
_POSTGRES_AWAY = ("08", "53", "57", "58")
# SQLSTATE: no such user or password, no such database, a database that takes no connections.
_POSTGRES_CLOSED = ("28", "3D", "55000")


def to_refusal(error: BaseException) -> errors.Unavailable | None:
    """Return LockTimeout, Unavailable, or None for an error that is our own mistake."""
    if isinstance(error, sa_exc.TimeoutError):
        return errors.LockTimeout()
    cause: BaseException | None = error.orig if isinstance(error, sa_exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _from_sqlite(cause)
    if isinstance(error, sa_exc.DBAPIError) and error.connection_invalidated:
        return errors.Unavailable(message("The database has gone away."))
    if (state := getattr(cause, "sqlstate", None)) is not None:
        return _from_postgres(str(state))
    if isinstance(cause, ssl.SSLCertVerificationError):
        return errors.Unavailable(
            message(
                "The certificate of the database is not accepted: {reason}.",
                reason=cause.verify_message,
            )
        )
    return errors.Unavailable(message("The database cannot be reached.")) if isinstance(cause, OSError) else None


def _from_sqlite(error: sqlite3.Error) -> errors.Unavailable | None:
    extended = getattr(error, "sqlite_errorcode", 0)
    if (extended & 0xFF) in _SQLITE_LOCKED or extended in _SQLITE_DUPLICATE:
        return errors.LockTimeout()
    if (extended & 0xFF) in _SQLITE_AWAY:
        return errors.Unavailable(message("The database file cannot be used: {name}.", name=error.sqlite_errorname))
    return None


def _from_postgres(state: str) -> errors.Unavailable | None:
    if state == _POSTGRES_BUSY:
        return errors.LockTimeout()
    if state in _POSTGRES_CROSSED:
        return errors.SerializationConflict()
    if state.startswith(_POSTGRES_CLOSED):
        return errors.Unavailable(message("The database refuses the connection: SQLSTATE {state}.", state=state))
    return errors.Unavailable(message("The database cannot answer now.")) if state.startswith(_POSTGRES_AWAY) else None
