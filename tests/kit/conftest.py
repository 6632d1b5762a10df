"""A real Redis, Debian's, on a free port of this machine."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import components
from tests.concurrency.served import PATIENCE_SECONDS, wait_until


class RedisServer:
    """Keeps nothing on the disk; `start` after `stop` has forgotten everything."""

    def __init__(self, command: str, folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([self._command, *options], stdout=subprocess.DEVNULL)
        wait_until(lambda: self.ask("PING") == b"+PONG")

    def ask(self, *words: str) -> bytes:
        """The first line of what it says; nothing where it does not answer."""
        sent = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(f"*{len(words)}\r\n{sent}".encode())
            return connection.recv(4096).partition(b"\r\n")[0]
        return b""

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    command = components.require("redis-server", package="redis-server")
    server = RedisServer(command, tmp_path)
    server.start()
    yield server
    server.stop()
