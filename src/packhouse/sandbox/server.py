"""Runs a sandbox: one process, one port, until it is stopped."""

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import uvicorn

from packhouse.kit import logs
from packhouse.kit.http import protocol
from packhouse.kit.http.routing import Router
from packhouse.sandbox import api, recorder
from packhouse.sandbox.bench import Bench
from packhouse.settings import Settings


class SandboxProtocol(protocol.BoundedProtocol):
    """Tells the application how a connection is ended, so that a fault can do it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        ways: dict[str, Any] = {recorder.ABORT: self.transport.abort, recorder.CLOSE: self.transport.close}
        self.scope.update(ways)  # type: ignore[typeddict-item]


Tell: TypeAlias = Callable[[dict[str, Any]], None]


def create_bench(
    settings: Settings,
    *,
    database: Path | None = None,
    seed: int | list[Any] = 0,
    tell: Tell | None = None,
    is_strict: bool = False,
) -> Bench:
    """`seed` is how many invented orders the first account begins with, or which orders; `tell` is called with what a
    client needs once the sandbox can be asked."""
    return Bench(settings, Router(api.ROUTES), database=database, first_orders=seed, tell=tell, is_strict=is_strict)


def run(
    settings: Settings,
    listener: socket.socket,
    tell: Tell,
    *,
    database: Path | None = None,
    seed: int | list[Any] = 0,
    is_strict: bool = False,
) -> bool:
    """Serve until stopped; return whether it had started."""
    bench = create_bench(settings, database=database, seed=seed, tell=tell, is_strict=is_strict)
    logs.configure(settings.log_level, settings.log_format)
    config = uvicorn.Config(
        bench,
        http=SandboxProtocol,
        ws="none",
        limit_concurrency=settings.max_connections,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_timeout_seconds,
        lifespan="on",
    )
    for stopping in (signal.SIGTERM, signal.SIGINT):  # a stop that was asked for is no failure
        signal.signal(stopping, lambda *_: sys.exit(0))
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    return server.started
