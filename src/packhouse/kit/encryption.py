"""Encryption at rest for secrets that we must be able to read again: signing keys and credentials."""

import base64
import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from packhouse.kit import errors
from packhouse.kit.messages import message


class NoSecretKey(errors.Unavailable):
    """Secrets cannot be stored: the operator has to set the key first."""

    def __init__(self) -> None:
        detail = message("This server has no PACKHOUSE_SECRET_KEY, so it cannot store secrets.")
        super().__init__(detail, retry_after_seconds=60)


class WrongSecretKey(errors.Unavailable):
    """A secret was encrypted with a key that we do not have: the operator has to configure it again."""

    def __init__(self) -> None:
        detail = message("The stored secrets were encrypted with another PACKHOUSE_SECRET_KEY than this server's.")
        super().__init__(detail, retry_after_seconds=60)


class Encryptor:
    """Encrypts with the first key and decrypts with any of them, so that keys can be rotated. Without a key, `file`
    holds one, made for the first secret and readable only by its owner. Without both, it refuses."""

    def __init__(self, keys: str | None, file: Path | None = None) -> None:
        self._keys = [key.strip() for key in (keys or "").split(",") if key.strip()]
        self._file = file
        self._lock: MultiFernet | None = None

    @property
    def has_key(self) -> bool:
        return bool(self._keys) or self._file is not None

    def encrypt(self, text: str) -> str:
        """Raises NoSecretKey."""
        return self._open_lock().encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Raises NoSecretKey and WrongSecretKey."""
        try:
            return self._open_lock().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise WrongSecretKey from None

    def _open_lock(self) -> MultiFernet:
        if self._lock is None:
            keys = self._keys or self._read_file()
            self._lock = MultiFernet([Fernet(_to_fernet_key(key)) for key in keys])
        return self._lock

    def _read_file(self) -> list[str]:
        if self._file is None:
            raise NoSecretKey
        with contextlib.suppress(FileExistsError):
            _make_whole(self._file, secrets.token_urlsafe(32))
        return [self._file.read_text("ascii").strip()]


def _make_whole(file: Path, text: str) -> None:
    """Create the file with its content at once, so that no other process reads half a key. Raises FileExistsError."""
    if file.exists():
        raise FileExistsError
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write(f"{text}\n")
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(draft, file)
    finally:
        draft.unlink()


def _to_fernet_key(key: str) -> bytes:
    """Hash a key of any length. It is random, as the documentation demands, so one hash is enough."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"packhouse.vault:" + key.encode()).digest())
