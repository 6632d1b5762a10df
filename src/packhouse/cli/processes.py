"""Several processes behind one port: started, replaced when they die, stopped together.

uvicorn's supervisor does most of it. This module adds metrics that the processes share, and leaves no process behind.
"""

import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time

import structlog
import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from packhouse import app
from packhouse.cli import interpreter, lazy
from packhouse.settings import share_metrics

# A process that starts on a busy machine answers its supervisor when it has imported all it needs, and not before.
_STARTS_WITHIN_SECONDS = 300

_log = structlog.get_logger()


def run(config: uvicorn.Config, listener: socket.socket) -> None:
    """Run until a signal stops it."""
    with tempfile.TemporaryDirectory(prefix="packhouse-metrics-") as folder:
        share_metrics(folder)
        _Supervisor(config, [listener], folder).run()


def create_app(*, works: bool = True) -> ASGIApp:
    """Run this first in each of the processes."""
    lazy.load()
    threading.Thread(target=_follow_parent, daemon=True).start()
    made = app.create_app_from_environment(works=works)
    interpreter.tune()
    return made


def create_app_without_worker() -> ASGIApp:
    return create_app(works=False)


def _follow_parent() -> None:
    """Stop when the supervisor was killed: otherwise this process would keep its port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


class _Supervisor(Multiprocess):
    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], folder: str) -> None:
        super().__init__(config, sockets)
        self._folder = folder
        self._asked_at: dict[Process, float] = {}
        self._started: set[Process] = set()

    def keep_subprocess_alive(self) -> None:
        before = list(self.processes)
        starting = [process for process in before if self._is_starting(process)]
        self.processes = [process for process in before if process not in starting]
        super().keep_subprocess_alive()
        self.processes += starting
        for gone in set(before) - set(self.processes):
            self._started.discard(gone)
            self._asked_at.pop(gone, None)
            mark_process_dead(gone.pid, self._folder)  # type: ignore[no-untyped-call]
            _log.error("process replaced", process=gone.pid, exit_code=gone.exitcode)

    def _is_starting(self, process: Process) -> bool:
        """Whether it may be let alone: it lives, has not answered yet, and has had less time than a start may take.

        It is asked once, since it will answer each question that waits for it.
        """
        if process in self._started or not process.process.is_alive():
            return False
        try:
            if process not in self._asked_at:
                self._asked_at[process] = time.monotonic()
                process.parent_conn.send(b"ping")
            has_answered = process.parent_conn.poll() and process.parent_conn.recv() is not None
        except (EOFError, OSError):
            return False
        if has_answered:
            self._started.add(process)
        return not has_answered and time.monotonic() < self._asked_at[process] + _STARTS_WITHIN_SECONDS

    def terminate_all(self) -> None:
        """Nobody here takes what knocks from now on, so the port is closed to it at once."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()
