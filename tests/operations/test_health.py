"""`python -m packhouse.health`, which health checks run every few seconds."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from packhouse import health
from tests import servers
from tests.concurrency import served


def test_it_says_what_the_server_says(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served.serve(database_url, tmp_path / "log") as server:
        place = server.url.removeprefix("http://")
        assert health.main([place]) == 0
        assert capsys.readouterr().err == ""
        servers.change(database_url, "UPDATE alembic_version SET version_num = '9001'")
        served.wait_until(lambda: health.main([place]) == 1)
        assert "A newer version has migrated this database" in capsys.readouterr().err
        assert health.main(["--during-upgrade", place]) == 0
        servers.change(database_url, "UPDATE alembic_version SET version_num = '0027'")
        served.wait_until(lambda: health.main(["--during-upgrade", place]) == 1)
    assert health.main([place]) == 1
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 404 Not Found\r\n\r\nno", b"200"])
def test_what_is_not_well_is_said_so(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert health.main([str(listener.getsockname()[1])]) == 1
        thread.join()
    assert capsys.readouterr().err.startswith("packhouse: ")


def test_a_port_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["eight"]) == 1
    assert "eight" in capsys.readouterr().err


def test_it_imports_next_to_nothing() -> None:
    asked = "import json, sys, packhouse.health; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    found = [name for name in json.loads(done.stdout) if name.partition(".")[0] in ("packhouse", "asyncio", "ssl")]
    assert found == ["packhouse", "packhouse.health"]
