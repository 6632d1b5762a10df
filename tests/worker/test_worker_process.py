"""Workers as an operator runs them: inside a server, alone, killed, stopped."""

import json
import signal
from pathlib import Path

from tests.concurrency import served


def test_a_worker_alone_says_that_it_is_ready_and_stops_when_told(database_url: str) -> None:
    process = served.start(database_url, "worker", "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"worker": "ready"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(served.PATIENCE_SECONDS) == 0
    assert served.read_errors(process) == ""


def test_a_worker_needs_a_database_that_is_up_to_date(empty_url: str) -> None:
    told = served.run(empty_url, "worker")
    assert told.returncode == 1
    assert "packhouse migrate" in told.stderr


def test_a_server_can_leave_the_jobs_to_others(database_url: str, tmp_path: Path) -> None:
    for arguments in (("--no-worker",), ("--no-worker", "--workers", "2"), ("--workers", "2"), ()):
        with served.serve(database_url, tmp_path / "log", *arguments) as server:
            assert server.stop() == 0
    assert "error" not in (tmp_path / "log").read_text("utf-8")
