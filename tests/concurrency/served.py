"""The command `packhouse` in a process of its own, as an operator runs it."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

import packhouse
from tests import forkserver
from tests.conftest import OWNER

_SOURCE = str(Path(packhouse.__file__).parent.parent)
PATIENCE_SECONDS = 60


def environment(url: str, **settings: Any) -> dict[str, str]:
    """Of this process, with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PACKHOUSE_")}
    kept["PYTHONPATH"] = _SOURCE
    given = {"database_url": url, **settings}
    return kept | {f"PACKHOUSE_{name.upper()}": str(value) for name, value in given.items()}


def start(url: str, *arguments: str, **settings: Any) -> subprocess.Popen[str]:
    """Settings by their name, in small letters."""
    return forkserver.start(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(url, **settings),
    )


def run(url: str, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """To its end."""
    command = start(url, *arguments, **settings)
    out, told = command.communicate(timeout=PATIENCE_SECONDS)
    return subprocess.CompletedProcess(command.args, command.returncode, out, told)


def read_errors(command: subprocess.Popen[str]) -> str:
    """What a command that has ended said on standard error."""
    _, told = command.communicate(timeout=PATIENCE_SECONDS)
    return told


class Server(NamedTuple):
    url: str
    process: subprocess.Popen[str]
    log: Path

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, **{"auth": OWNER, "timeout": PATIENCE_SECONDS, **options})

    def kill(self) -> None:
        """As the power does: nothing is finished and nothing is closed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def workers(self) -> set[int]:
        """The processes that answer requests, of a server that has several."""
        found = psutil.Process(self.process.pid).children()
        with contextlib.suppress(psutil.NoSuchProcess):
            return {child.pid for child in found if child.status() != psutil.STATUS_ZOMBIE and is_worker(child)}
        return set()

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far, as objects; a line that is no JSON fails."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]


def is_worker(child: psutil.Process) -> bool:
    return "spawn_main" in " ".join(child.cmdline())


@contextlib.contextmanager
def serve(url: str, log: Path, *arguments: str, **settings: Any) -> Iterator[Server]:
    """`packhouse serve` on a free port, once it answers. `log` takes its standard error."""
    with log.open("ab") as told:
        process = forkserver.start(
            ["serve", "--port", "0", "--json", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
            env=environment(url, **settings),
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text("utf-8")
        server = Server(json.loads(line)["url"], process, log)
        wait_until(lambda: is_up(server.url))
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code in (200, 503)
    except httpx.TransportError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)
