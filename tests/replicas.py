"""A streaming replica of the tests' PostgreSQL."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests import clusters, servers


class Replica(clusters.Cluster):
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
    with tempfile.TemporaryDirectory(prefix="packhouse-replica-") as name:
        folder = Path(name)
        os.chown(folder, owner.st_uid, owner.st_gid)
        replica = Replica(folder, clusters.find_owner(home))
        replica.run("pg_basebackup", "-d", primary, "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast")
        replica.start()
        try:
            yield replica
        finally:
            replica.stop("immediate")
