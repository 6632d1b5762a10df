"""`packhouse print-agent`: prints the jobs of a bench on the computer that stands there (docs/packing-station.md).

It asks the server for the next job, prints it with `lp` or by raw TCP, and reports the result. If it is killed between
printing and reporting, it prints the job again, under the same reference.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.terminal import AsJson

with lazy.imports():
    from packhouse.packing_station import schema

_WAIT_SECONDS = 20
_PAUSE_SECONDS = 3.0
_PRINT_SECONDS = 45.0
_CLOSE_SECONDS = 3.0
_RAW_TYPES = ("application/zpl", "application/epl")


class NotPrinted(Exception):
    """Return the reason in the words of the page."""


class Refused(Exception):
    """The server does not know the token."""


class _Server(NamedTuple):
    url: str
    token: str

    def post(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Raises OSError and http.client.HTTPException while the server is away."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=_WAIT_SECONDS + 15)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request("POST", parts.path.rstrip("/") + path, json.dumps(body or {}), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def run_agent(
    server: Annotated[str, typer.Argument(help="The server's URL: https://packhouse.example.com")],
    token_file: Annotated[
        Path, typer.Option(help="A file with the bench's token, from Settings, Benches and printers.")
    ],
    once: Annotated[bool, typer.Option("--once", help="Stop when no job is waiting.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the jobs of a bench on this computer, until it is stopped."""
    if urlsplit(server).scheme not in ("http", "https"):
        terminal.fail("The server's URL begins with https:// or http://.")
    try:
        known = _Server(server, token_file.read_text("utf-8").strip())
    except OSError as error:
        terminal.fail(f"The token cannot be read: {error.strerror}.")
    watch = _Watch(known)
    try:
        while True:
            watch.tell()
            if not _take_one(known, once, as_json) and once:
                break
        watch.tell()
    except Refused:
        terminal.fail("The server does not know this token: make a new one in its settings.")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


class _Watch:
    """Reports the state of the bench's printers in CUPS to the server when it changes."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._targets: dict[str, str] = {}
        self._told: dict[str, list[str]] = {}

    def tell(self) -> None:
        """Ask the server which printers there are, and tell it what is new of them; what is not told now is told the
        next time."""
        found = {name: read_reasons(target) for name, target in self._targets.items()}
        news = {name: reasons for name, reasons in found.items() if reasons != self._told.get(name)}
        try:
            status, body = self._server.post("/print-agent/printers", {"states": news})
            _require_ok(status)
            self._told |= news
            known = json.loads(body)["printers"]
        except (OSError, http.client.HTTPException, ValueError, LookupError):
            return
        if known != self._targets:
            self._targets, self._told = known, {}
            self.tell()


def read_reasons(target: str) -> list[str]:
    """Return why CUPS does not print on a queue, as IPP reasons; none if unknown, as with raw TCP."""
    if not target.startswith("lp"):
        return []
    queue = target.removeprefix("lp").removeprefix(":")
    command = ["env", "LC_ALL=C", "lpstat", "-l", "-p", *([queue] if queue and queue[0].isalnum() else [])]
    try:
        ran = subprocess.run(  # noqa: S603 - no shell, and each argument is checked or ours
            command, capture_output=True, check=True, timeout=_PRINT_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line.strip() for line in ran.stdout.decode("utf-8", "replace").splitlines()]
    alerts = [line.partition(":")[2] for line in lines if line.startswith("Alerts:")]
    disabled = ["paused"] if any(" disabled since " in line for line in lines) else []
    return [*disabled, *(word for alert in alerts for word in alert.split() if word != "none")]


def _take_one(server: _Server, once: bool, as_json: bool) -> bool:
    """Whether there was a job. A server that is away is waited for, unless it is asked once."""
    try:
        status, body = server.post(f"/print-agent/jobs/next?wait={0 if once else _WAIT_SECONDS}")
        _require_ok(status)
        if status == 200:
            _do(server, json.loads(body), as_json)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if once:
            terminal.fail(f"The server does not answer: {error}.")
        time.sleep(_PAUSE_SECONDS)
        return False
    return status == 200


def _require_ok(status: int) -> None:
    """Raises Refused for a token that is not known, and OSError for what may pass."""
    if status in (401, 403):
        raise Refused
    if status not in (200, 204):
        raise OSError(f"HTTP {status}")


def _do(server: _Server, job: dict[str, Any], as_json: bool) -> None:
    error = ""
    try:
        print_job(job)
    except NotPrinted as reason:
        error = str(reason)
    told = {"reference": job["reference"], "order_number": job["order_number"], "kind": job["kind"], "error": error}
    if as_json:
        terminal.print_json(told)
    else:
        typer.echo(f"{job['reference'][:8]} {job['order_number']} {job['kind']}: {error or 'printed'}")
    server.post(f"/print-agent/jobs/{int(job['id'])}", {"attempt": job["attempt"], "error": error})


def print_job(job: dict[str, Any]) -> None:
    """Where its target says. Raises NotPrinted."""
    content, target = b64decode(job["content"]), str(job["target"])
    if target.startswith("raw:"):
        _print_raw(*schema.to_host_and_port(target.removeprefix("raw:"), "raw"), content)
    else:
        _print_by_lp(target.removeprefix("lp").removeprefix(":"), content, job)


def _print_raw(host: str, port: int, content: bytes) -> None:
    try:
        with socket.create_connection((host, port), timeout=_PRINT_SECONDS) as printer:
            printer.sendall(content)
            printer.shutdown(socket.SHUT_WR)
            printer.settimeout(_CLOSE_SECONDS)
            try:
                while printer.recv(4096):
                    pass
            except TimeoutError:
                pass  # one that keeps the connection has it all too
    except OSError as error:
        raise NotPrinted(f"{host}: {error.strerror or error}") from None


def _print_by_lp(queue: str, content: bytes, job: dict[str, Any]) -> None:
    """The queue's name begins with a letter or digit (`schema`), so that it is no option of `lp`."""
    command = ["lp", "-t", str(job["reference"])]
    command += ["-d", queue] if queue and queue[0].isalnum() else []
    command += ["-o", "raw"] if job["mime_type"] in _RAW_TYPES else []
    try:
        subprocess.run(  # noqa: S603 - no shell, and each argument is checked or ours
            [*command, "-"], input=content, capture_output=True, check=True, timeout=_PRINT_SECONDS
        )
    except FileNotFoundError:
        raise NotPrinted("lp is not installed on the bench's computer") from None
    except subprocess.TimeoutExpired:
        raise NotPrinted("lp does not answer") from None
    except subprocess.CalledProcessError as error:
        raise NotPrinted(error.stderr.decode("utf-8", "replace").strip()[:200] or "lp failed") from None
