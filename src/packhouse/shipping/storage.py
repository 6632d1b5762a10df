"""Storage of the contents of documents: in the database, or in a store outside it (a folder, an S3 bucket)."""

import asyncio
import glob
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import structlog

from packhouse.kit import errors
from packhouse.kit.messages import message

try:
    import obstore
    from obstore.exceptions import BaseError as StoreError
    from obstore.store import S3Store
except ModuleNotFoundError:  # the extra is not installed
    obstore = cast("Any", None)
    StoreError = OSError  # type: ignore[misc, assignment]

_log = structlog.get_logger()


class StorageError(ValueError):
    """The setting cannot be used; the message gives the reason in one line."""


class Store(Protocol):
    """Contents by key. A key is only ever written with one content, so repeating it does no harm."""

    async def put(self, key: str, content: bytes) -> None:
        """Return when the content is durable. Raises Unavailable."""

    async def get(self, key: str) -> bytes:
        """Raises Unavailable, also for a missing key: what was stored must be there."""

    async def delete(self, key: str) -> None:
        """Delete the content, even a half-written one. A missing key is no error. Raises Unavailable."""


class Folder:
    """Files below a folder, written completely or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def put(self, key: str, content: bytes) -> None:
        try:
            await asyncio.to_thread(self._write, self.path / key, content)
        except OSError as error:
            raise _away(error) from error

    async def get(self, key: str) -> bytes:
        try:
            return await asyncio.to_thread((self.path / key).read_bytes)
        except OSError as error:
            raise _away(error) from error

    async def delete(self, key: str) -> None:
        try:
            await asyncio.to_thread(self._delete, self.path / key)
        except OSError as error:
            raise _away(error) from error

    @staticmethod
    def _delete(path: Path) -> None:
        for half in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
            half.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # others are in it, or it is not there
            path.parent.rmdir()

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Bucket:
    """A bucket of any store that speaks S3."""

    def __init__(self, store: Any, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    async def put(self, key: str, content: bytes) -> None:
        try:
            await obstore.put_async(self._store, self._prefix + key, content)
        except (StoreError, OSError) as error:
            raise _away(error) from error

    async def get(self, key: str) -> bytes:
        try:
            found = await obstore.get_async(self._store, self._prefix + key)
            return bytes(await found.bytes_async())
        except (StoreError, OSError) as error:
            raise _away(error) from error

    async def delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, self._prefix + key)
        except FileNotFoundError:
            return
        except (StoreError, OSError) as error:
            raise _away(error) from error


def _away(error: Exception) -> errors.Unavailable:
    """Log the cause, which may name hosts and folders, instead of returning it."""
    _log.warning("document store", cause=type(error).__name__, number=getattr(error, "errno", None))
    return errors.Unavailable(message("The store of documents cannot be reached now."))


def open_store(
    url: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    access_key: str | None = None,
    secret_key: str | None = None,
) -> Store | None:
    """Return None for `database`: the documents' own rows have the contents. Raises StorageError."""
    if url == "database":
        return None
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return Folder(Path(unquote(parts.path)))
    if parts.scheme != "s3" or not parts.netloc:
        raise StorageError("Documents are kept in `database`, file:///a/folder or s3://bucket/prefix.")
    if obstore is None:
        raise StorageError("Documents in S3 need the extra: pip install 'packhouse[s3]'")
    known = {"endpoint": endpoint, "region": region, "access_key_id": access_key, "secret_access_key": secret_key}
    options: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    if not access_key:
        options["skip_signature"] = True
    if endpoint:
        options["virtual_hosted_style_request"] = False
    store = S3Store(
        parts.netloc,
        config=cast("Any", options),
        client_options={"allow_http": (endpoint or "").startswith("http://"), "timeout": "30s"},
        retry_config={"max_retries": 2},
    )
    prefix = parts.path.strip("/")
    return Bucket(store, f"{prefix}/" if prefix else "")


def to_key(account_id: int, uuid: str, parcel_id: int, kind: str) -> str:
    """Return the key, which is known before anything is stored and is the same at every attempt."""
    return f"{account_id}/{uuid}/{parcel_id}-{kind}"
