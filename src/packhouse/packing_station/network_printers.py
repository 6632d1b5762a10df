"""Printers that the server reaches itself: raw TCP (port 9100) and IPP (RFC 8010, Print-Job).

Only addresses inside of PACKHOUSE_PRINTER_NETWORKS are connected to: a name is resolved once, and the connection goes
to that very address.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress

import httpcore

from packhouse.consignment import EPL, ZPL
from packhouse.kit.messages import Message, message
from packhouse.packing_station import schema

CONNECT_SECONDS = 5.0
SEND_SECONDS = 30.0
# A printer closes when it has read everything.
_CLOSE_SECONDS = 3.0
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NotPrinted(Exception):
    """Why, in words for who stands at the bench."""

    def __init__(self, words: Message, *, is_away: bool = False) -> None:
        super().__init__(words)
        self.words, self.is_away = words, is_away


def read_networks(text: str) -> list[Network]:
    """Raises ValueError."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


async def _resolve(host: str, port: int, networks: Sequence[Network]) -> str:
    """An address that may be connected to. Raises NotPrinted."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        raise NotPrinted(message("The printer {host} is not known.", host=host)) from None
    for entry in found:
        address = ipaddress.ip_address(entry[4][0])
        if any(address in network for network in networks):
            return str(address)
    raise NotPrinted(message("The server may not print at {host}: see PACKHOUSE_PRINTER_NETWORKS.", host=host))


def _away(host: str) -> NotPrinted:
    return NotPrinted(message("The printer {host} does not answer.", host=host), is_away=True)


async def send_raw(target: str, content: bytes, networks: Sequence[Network]) -> None:
    """All of it, until the printer has taken it. Raises NotPrinted."""
    host, port = schema.to_host_and_port(target, "raw")
    address = await _resolve(host, port, networks)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        raise _away(host) from None
    try:
        async with asyncio.timeout(SEND_SECONDS):
            writer.write(content)
            await writer.drain()
            writer.write_eof()
        with suppress(TimeoutError):  # one that keeps the connection has it all too
            async with asyncio.timeout(_CLOSE_SECONDS):
                while await reader.read(4096):
                    pass
    except (OSError, TimeoutError):
        raise _away(host) from None
    finally:
        writer.close()


async def ask_raw(target: str, networks: Sequence[Network]) -> list[str]:
    """Whether it can be connected to: raw TCP tells nothing else. Raises NotPrinted."""
    host, port = schema.to_host_and_port(target, "raw")
    address = await _resolve(host, port, networks)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        raise _away(host) from None
    writer.close()
    return []


_VERSION, _PRINT_JOB, _GET_PRINTER_ATTRIBUTES, _ID = b"\x02\x00", 0x0002, 0x000B, 1
_OPERATION, _END = b"\x01", b"\x03"
_CHARSET, _LANGUAGE, _URI, _NAME, _MIME, _KEYWORD = 0x47, 0x48, 0x45, 0x42, 0x49, 0x44
_FORMATS = dict.fromkeys((ZPL, EPL), "application/octet-stream")
_OK = 0x00FF


def to_ipp(uri: str, content: bytes, mime_type: str, reference: str) -> bytes:
    """A Print-Job request: the reference is the job's name, so that an operator knows one that is printed twice."""
    further = ((_NAME, "job-name", reference), (_MIME, "document-format", _FORMATS.get(mime_type, mime_type)))
    return _to_request(_PRINT_JOB, uri, further) + content


def to_question(uri: str) -> bytes:
    """A Get-Printer-Attributes request for the reasons of the printer's state."""
    return _to_request(_GET_PRINTER_ATTRIBUTES, uri, ((_KEYWORD, "requested-attributes", _REASONS),))


_REASONS = "printer-state-reasons"


def _to_request(operation: int, uri: str, further: Sequence[tuple[int, str, str]]) -> bytes:
    attributes = (
        (_CHARSET, "attributes-charset", "utf-8"),
        (_LANGUAGE, "attributes-natural-language", "en"),
        (_URI, "printer-uri", uri),
        (_NAME, "requesting-user-name", "packhouse"),
        *further,
    )
    head = _VERSION + struct.pack(">HI", operation, _ID) + _OPERATION
    for tag, name, value in attributes:
        head += struct.pack(">BH", tag, len(name)) + name.encode() + struct.pack(">H", len(value)) + value.encode()
    return head + _END


def read_values(answer: bytes, wanted: str) -> list[str]:
    """The values of an attribute in an answer of IPP; none where it is not there or the answer breaks off."""
    found: list[str] = []
    at, name = 8, ""
    while at + 3 <= len(answer) and answer[at] != _END[0]:
        if answer[at] < _FIRST_VALUE_TAG:
            at += 1
            continue
        length = struct.unpack(">H", answer[at + 1 : at + 3])[0]
        # A further value of the attribute before has no name.
        name = answer[at + 3 : at + 3 + length].decode("utf-8", "replace") or name
        at += 3 + length
        length = int.from_bytes(answer[at : at + 2], "big")
        if name == wanted:
            found.append(answer[at + 2 : at + 2 + length].decode("utf-8", "replace"))
        at += 2 + length
    return found


_FIRST_VALUE_TAG = 0x10


async def send_ipp(target: str, content: bytes, mime_type: str, reference: str, networks: Sequence[Network]) -> None:
    """Raises NotPrinted."""
    await _ask(target, networks, lambda uri: to_ipp(uri, content, mime_type, reference))


async def ask_ipp(target: str, networks: Sequence[Network]) -> list[str]:
    """Return the reasons of the printer's state. Raises NotPrinted."""
    return read_values(await _ask(target, networks, to_question), _REASONS)


async def _ask(target: str, networks: Sequence[Network], to_body: Callable[[str], bytes]) -> bytes:
    """Return the printer's answer. Raises NotPrinted where it does not answer or refuses."""
    host, port = schema.to_host_and_port(target, "ipp")
    address = await _resolve(host, port, networks)
    path = target.partition("/")[2] or "ipp/print"
    place = f"[{address}]" if ":" in address else address
    body = to_body(f"ipp://{host}:{port}/{path}")
    headers = [("Content-Type", "application/ipp"), ("Host", f"{host}:{port}")]
    seconds = {"connect": CONNECT_SECONDS, "read": SEND_SECONDS, "write": SEND_SECONDS, "pool": CONNECT_SECONDS}
    try:
        async with httpcore.AsyncConnectionPool() as pool:
            answer = await pool.request(
                "POST", f"http://{place}:{port}/{path}", headers=headers, content=body, extensions={"timeout": seconds}
            )
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        raise _away(host) from None
    status = struct.unpack(">H", answer.content[2:4])[0] if len(answer.content) >= 8 else None
    if answer.status != 200 or status is None or status > _OK:
        told = f"0x{status:04x}" if status is not None else f"HTTP {answer.status}"
        raise NotPrinted(message("The printer {host} refused: {told}.", host=host, told=told))
    return bytes(answer.content)
