"""Several processes behind one port: started, replaced when they die, stopped together.

uvicorn's supervisor does the most of it. Beside it here: the processes' shared figures, and that nobody is left behind.
"""

import multiprocessing
import os
import signal
import socket
import tempfile
import threading

import structlog
import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from packhouse import app
from packhouse.cli import interpreter, lazy
from packhouse.settings import share_metrics

_log = structlog.get_logger()


def run(config: uvicorn.Config, listener: socket.socket) -> None:
    """Until a signal stops it."""
    with tempfile.TemporaryDirectory(prefix="packhouse-metrics-") as folder:
        share_metrics(folder)
        _Supervisor(config, [listener], folder).run()


def create_app(*, works: bool = True) -> ASGIApp:
    """What each of the processes calls first."""
    lazy.load()
    threading.Thread(target=_follow_parent, daemon=True).start()
    made = app.create_app_from_environment(works=works)
    interpreter.tune()
    return made


def create_app_without_worker() -> ASGIApp:
    return create_app(works=False)


def _follow_parent() -> None:
    """A supervisor that was killed stops nobody: without it we would keep its port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


class _Supervisor(Multiprocess):
    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], folder: str) -> None:
        super().__init__(config, sockets)
        self._folder = folder

    def keep_subprocess_alive(self) -> None:
        before = list(self.processes)
        super().keep_subprocess_alive()
        for gone in before:
            if gone not in self.processes:
                mark_process_dead(gone.pid, self._folder)  # type: ignore[no-untyped-call]
                _log.error("process replaced", process=gone.pid, exit_code=gone.exitcode)

    def terminate_all(self) -> None:
        """Nobody here takes what knocks from now on, so the port is closed to it at once."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()
