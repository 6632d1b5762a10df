"""Certificates that a made-up authority gives, and a door with TLS before a PostgreSQL that knows none."""

import asyncio
import ipaddress
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# What a client sends first when it wants TLS: a length and a number that no other message has.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Issued(NamedTuple):
    """Files in PEM."""

    certificate: Path
    key: Path


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = self._begin(self._name, self._key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        signed = signed.add_extension(usage, critical=True)
        self.certificate = folder / f"{name}.crt"
        self.certificate.write_bytes(self._sign(signed))

    def issue(self, name: str, address: str = "127.0.0.1") -> Issued:
        """For a server at this address, or for a client of this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(self._sign(self._begin(subject, key).add_extension(names, critical=False)))
        kind = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
        secret.chmod(0o600)
        return Issued(certificate, secret)

    def _begin(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


class Door:
    """On a port of this machine, before a server's socket. `context` None is a server without TLS. `opened` counts the
    connections that came through, by whether they were encrypted."""

    def __init__(self, socket: Path, context: ssl.SSLContext | None) -> None:
        self._socket, self._context = socket, context
        self.opened: dict[bool, int] = {True: 0, False: 0}
        self.port = 0

    def url(self, name: str, **parameters: object) -> str:
        asked = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}?{asked}"

    async def serve(self, opened: threading.Event, ended: asyncio.Event) -> None:
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            opened.set()
            await ended.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
                await self._let_in(reader, writer)
        finally:
            await _close(writer)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        encrypted = first == SSL_REQUEST and self._context is not None
        if first == SSL_REQUEST:
            writer.write(b"S" if encrypted else b"N")
            if encrypted and self._context is not None:
                await writer.start_tls(self._context)
            first = await reader.readexactly(8)
        self.opened[encrypted] += 1
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            inner_writer.write(first)
            await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))
        finally:  # also where the door is shut on who is inside
            await _close(inner_writer)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


@contextmanager
def open_door(socket: Path, context: ssl.SSLContext | None) -> Iterator[Door]:
    door, opened = Door(socket, context), threading.Event()
    loop, ended = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        loop.run_until_complete(door.serve(opened, ended))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert opened.wait(30)
    try:
        yield door
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
