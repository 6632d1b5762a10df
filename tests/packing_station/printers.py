"""Listeners on this machine that behave as printers do: raw TCP and IPP."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Printer:
    """Keeps what it was sent. `paper_out` refuses; `on_job` is called with each job before it is answered."""

    def __init__(self, *, is_ipp: bool = False) -> None:
        self.is_ipp = is_ipp
        self.jobs: list[bytes] = []
        self.heads: list[bytes] = []
        self.paper_out = False
        self.reasons = ["none"]
        self.on_job: Callable[[], None] = lambda: None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                self._read_ipp(connection) if self.is_ipp else self._read_raw(connection)

    def _read_raw(self, connection: socket.socket) -> None:
        content = b""
        while part := connection.recv(65_536):
            content += part
        self.jobs.append(content)
        self.on_job()

    def _read_ipp(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while len(body) < int(lengths[0]):
            body += connection.recv(65_536)
        is_question = struct.unpack(">H", body[2:4])[0] == 0x000B
        if not is_question:
            self.heads.append(head)
            self.jobs.append(body)
            self.on_job()
        status = 0x0507 if self.paper_out and not is_question else 0x0000  # server-error-busy
        told = _to_reasons(self.reasons) if is_question else b"\x01"
        answer = b"\x02\x00" + struct.pack(">HI", status, 1) + told + b"\x03"
        try:
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: %d\r\n\r\n" % len(answer)
            )
            connection.sendall(answer)
        except OSError:
            pass  # whoever asked is gone

    def close(self) -> None:
        self._listener.close()


def _to_reasons(reasons: list[str]) -> bytes:
    """The attributes of an answer, as printers write them: the name stands before the first value alone."""
    charset = b"\x47" + struct.pack(">H", 18) + b"attributes-charset" + struct.pack(">H", 5) + b"utf-8"
    told = b"\x01" + charset + b"\x04"
    for number, reason in enumerate(reasons):
        name = b"" if number else b"printer-state-reasons"
        told += b"\x44" + struct.pack(">H", len(name)) + name + struct.pack(">H", len(reason)) + reason.encode()
    return told


@contextmanager
def printing(*, is_ipp: bool = False) -> Iterator[Printer]:
    printer = Printer(is_ipp=is_ipp)
    yield printer
    printer.close()


def read_attributes(job: bytes) -> tuple[dict[str, str], bytes]:
    """The operation attributes of a Print-Job request, and the document behind them."""
    version, operation, _id = struct.unpack(">HHI", job[:8])
    assert (version, operation, job[8]) == (0x0200, 0x0002, 0x01)
    at, found = 9, {}
    while job[at] != 0x03:
        length = struct.unpack(">H", job[at + 1 : at + 3])[0]
        name = job[at + 3 : at + 3 + length].decode()
        at += 3 + length
        length = struct.unpack(">H", job[at : at + 2])[0]
        found[name] = job[at + 2 : at + 2 + length].decode()
        at += 2 + length
    return found, job[at + 1 :]
