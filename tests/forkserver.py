"""Processes that run `packhouse` without importing it anew: forked from one that has done so.

To import the server takes a second or two of a core, and the tests start hundreds of them. A process forked here is one
of its own all the same: it has its own memory, arguments, environment and streams, is a child of the test's process,
and can be killed like any other. Where there is no Linux, the command is started in full.
"""

import array
import atexit
import ctypes
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import packhouse
from packhouse.cli import lazy

_ROOT = str(Path(__file__).parent.parent)
_STREAMS = 3
_MOST_BYTES = 1_000_000
# Of <sys/prctl.h>: orphans among this process's descendants become its children.
_PR_SET_CHILD_SUBREAPER = 36
# What is imported before the first fork: the command, and what it imports once it runs.
_IMPORTED = (
    "packhouse.__main__",
    "packhouse.kit.http.protocol",
    "aiosqlite",
    "asyncpg",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.on",
    "uvloop",
)


class Command(subprocess.Popen[str]):
    """`packhouse ARGUMENTS`, forked. Takes the streams and the environment that Popen takes."""

    def _execute_child(self, args: Sequence[str], *options: Any) -> None:
        env: Mapping[str, str] = options[5]
        to_close = options[9:15]
        given = [to_close[0], to_close[3], to_close[5]]
        streams = [number if given[number] == -1 else given[number] for number in range(_STREAMS)]
        self.pid = _server.fork(list(args[3:]), dict(env), streams)
        self._child_created = True
        self._close_pipe_fds(*to_close)  # type: ignore[attr-defined]


def start(arguments: Sequence[str], *, env: Mapping[str, str], **streams: Any) -> subprocess.Popen[str]:
    kind = Command if sys.platform == "linux" else subprocess.Popen
    return kind([sys.executable, "-m", "packhouse", *arguments], env=env, text=True, **streams)


class _Server:
    """The process that forks, started when it is first needed; it ends with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def fork(self, arguments: list[str], env: dict[str, str], streams: list[int]) -> int:
        """The id of the new process, which is our child."""
        request = json.dumps({"arguments": arguments, "environment": env, "folder": str(Path.cwd())}).encode()
        with self._lock:
            if self._socket is None:
                self._socket = _launch()
            _adopt_orphans(True)
            try:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))
                self._socket.sendmsg([request], [rights])
                answer = self._socket.recv(_MOST_BYTES)
            finally:
                _adopt_orphans(False)
        assert answer, "The process that forks has ended."
        return int(answer)


_server = _Server()


def _launch() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PACKHOUSE_")}
    # What is freed goes back to the system at once, so that a limit of memory meets what is used and not what is kept.
    environment["MALLOC_TRIM_THRESHOLD_"] = str(2**17)
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(packhouse.__file__).parent.parent), _ROOT])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forkserver", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=[theirs.fileno()],
        cwd=_ROOT,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _adopt_orphans(adopts: bool) -> None:
    assert ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0) == 0


def _serve(control: socket.socket) -> dict[str, Any]:
    """Fork as often as is asked; returns in each new process, with what it was asked to be."""
    while True:
        request, streams, _, _ = socket.recv_fds(control, _MOST_BYTES, _STREAMS)
        if not request:
            sys.exit()
        reader, writer = os.pipe()
        between = os.fork()
        if between:
            os.waitpid(between, 0)  # from here on the new process is a child of the one that asked
            control.send(os.read(reader, _MOST_BYTES))
            for number in (reader, writer, *streams):
                os.close(number)
            continue
        new = os.fork()
        if new:
            os.write(writer, str(new).encode())
            os._exit(0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for number in (control.detach(), reader, writer, *streams):
            os.close(number)
        asked: dict[str, Any] = json.loads(request)
        return asked


def _become(asked: Mapping[str, Any]) -> None:
    """Whatever a fresh interpreter would have found."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    added = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place and place not in sys.path]
    sys.path[:0] = added
    sys.argv = ["packhouse", *asked["arguments"]]
    sys.modules["__main__"] = sys.modules[
        _IMPORTED[0]
    ]  # what `python -m packhouse` runs, and what its own processes begin with
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]


if __name__ == "__main__":
    for module in _IMPORTED:
        importlib.import_module(module)
    lazy.load()
    gc.freeze()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
    sys.modules["__main__"].main()
