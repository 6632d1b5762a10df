"""The command `packhouse` for shell scripts, started as fast as the tests start it (`tests.forkserver`)."""

import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import forkserver

_MOST_BYTES = 1_000_000
_STREAMS = 3
# Hands its arguments, environment and streams to the process of the tests, and ends as the command did.
_SCRIPT = """#!{python} -SE
import array, json, os, socket, sys
caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
caller.connect({path!r})
asked = json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}).encode()
caller.sendmsg([asked], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
code = int(caller.recv(100))
sys.exit(code if code >= 0 else 128 - code)
"""

_PLAIN_SCRIPT = """#!/bin/sh
exec '{python}' -m packhouse "$@"
"""


@contextmanager
def installed() -> Iterator[Path]:
    """A folder for PATH that holds the command. It runs in the folder that this process is in."""
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        if sys.platform != "linux":
            yield _write_script(folder, _PLAIN_SCRIPT.format(python=sys.executable))
            return
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(f"{folder}/socket")
        listener.listen()
        programs = _write_script(folder, _SCRIPT.format(python=sys.executable, path=f"{folder}/socket"))
        accepting = threading.Thread(target=_accept, args=(listener,))
        accepting.start()
        try:
            yield programs
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            listener.close()


def _write_script(folder: str, text: str) -> Path:
    """Returns the folder that it is in."""
    script = Path(folder, "bin", "packhouse")
    script.parent.mkdir()
    script.write_text(text, "utf-8")
    script.chmod(0o755)
    return script.parent


def _accept(listener: socket.socket) -> None:
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(caller,)).start()


def _answer(caller: socket.socket) -> None:
    with caller:
        request, streams, _, _ = socket.recv_fds(caller, _MOST_BYTES, _STREAMS)
        asked = json.loads(request)
        stdin, stdout, stderr = streams
        command = forkserver.start(
            asked["arguments"], env=asked["environment"], stdin=stdin, stdout=stdout, stderr=stderr
        )
        for stream in streams:
            os.close(stream)
        caller.send(str(command.wait()).encode())
