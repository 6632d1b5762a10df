"""A carrier of somebody else's, as an installed package, that remembers in a file what it was asked, for tests that
kill whoever asks it.

It keeps its word as a carrier should: one label a reference, whoever asks how often. What it does next is told by
files in its folder: `deaths` (how many askers it still takes down between making a label and answering) and `away`
(how many more times it does not answer); with `forgets` it says that it compares no references.
"""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from tests import forkserver
from tests.concurrency import served

CODE = '''
import fcntl
import json
import os
import signal
from pathlib import Path

from packhouse.carriers import AnnouncedParcel, Announcement, Document, Option, Unreachable

FOLDER = Path(__file__).parent


def append(kind, reference, number=""):
    with FOLDER.joinpath("ledger").open("a") as file:
        file.write(json.dumps([kind, reference, number]) + "\\n")
        file.flush()
        os.fsync(file.fileno())


def find_made(reference):
    lines = map(json.loads, FOLDER.joinpath("ledger").read_text().splitlines())
    return [number for kind, known, number in lines if (kind, known) == ("made", reference)]


def take(name):
    """One of so many, while there are any."""
    file = FOLDER / name
    left = int(file.read_text()) if file.exists() else 0
    file.write_text(str(max(0, left - 1)))
    return left > 0


class Snail:
    code = "snail"
    name = "Snail mail"
    has_tracking = False
    is_idempotent = not FOLDER.joinpath("forgets").exists()

    def options(self):
        return [Option("snail:standard", "Snail", self.code)]

    async def announce(self, consignment):
        with FOLDER.joinpath("lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            append("asked", consignment.reference)
            if take("away"):
                raise Unreachable("closed for lunch")
            if not find_made(consignment.reference):
                count = FOLDER.joinpath("ledger").read_text().count('"made"')
                for _ in consignment.parcels:
                    count += 1
                    append("made", consignment.reference, f"SNAIL{count}")
            if take("deaths"):
                os.kill(os.getpid(), signal.SIGKILL)
        numbers = find_made(consignment.reference)
        label = [Document("label", "a6", "application/pdf", b"%PDF " + consignment.reference.encode())]
        return Announcement([AnnouncedParcel(number, None, label) for number in numbers])

    async def cancel(self, consignment):
        append("cancelled", consignment.reference)

    async def track(self, consignment):
        return ()
'''


class Snail:
    """The carrier's side: its folder, and what it wrote there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "snail_mail.py").write_text(CODE, "utf-8")
        (folder / "ledger").touch()
        about = folder / "snail_mail-1.0.dist-info"
        about.mkdir()
        about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: snail-mail\nVersion: 1.0\n")
        about.joinpath("entry_points.txt").write_text("[packhouse.carriers]\nsnail = snail_mail:Snail\n")

    def set(self, name: str, count: int) -> None:
        self.folder.joinpath(name).write_text(str(count))

    def left(self, name: str) -> int:
        return int(self.folder.joinpath(name).read_text() or 0)

    def lines(self) -> list[tuple[str, str, str]]:
        """What it did, to which reference, with which number."""
        return [tuple(json.loads(line)) for line in self.folder.joinpath("ledger").read_text().splitlines()]

    def count(self, what: str) -> Counter[str]:
        """By reference, how often."""
        return Counter(reference for kind, reference, _ in self.lines() if kind == what)

    def numbers(self) -> dict[str, list[str]]:
        """By reference, the numbers that it gave."""
        found: dict[str, list[str]] = {}
        for kind, reference, number in self.lines():
            if kind == "made":
                found.setdefault(reference, []).append(number)
        return found

    def environment(self, url: str, **settings: Any) -> dict[str, str]:
        """Of a process in which the carrier is installed."""
        kept = served.environment(url, **settings)
        return kept | {"PYTHONPATH": os.pathsep.join([kept["PYTHONPATH"], str(self.folder)])}

    def start_worker(self, url: str) -> subprocess.Popen[str]:
        """Once it is at work; what it is killed over comes back after two seconds."""
        environment = self.environment(url, worker_lease_seconds=2, carriers_timeout_seconds=1, log_level="error")
        process = forkserver.start(["worker", "--json"], stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"worker": "ready"}
        return process
