"""An open page and a server that is told to stop."""

import signal
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.concurrency import served
from tests.web.conftest import EMAILS, sign_in


@pytest.mark.usefixtures("people")
def test_open_pages_do_not_keep_a_server_from_stopping(database_url: str, tmp_path: Path) -> None:
    """Twenty streams are open; nothing is logged of it as an error."""
    with (
        served.serve(database_url, tmp_path / "log", stop_timeout_seconds=60) as server,
        httpx.Client(base_url=server.url, timeout=served.PATIENCE_SECONDS) as client,
        ExitStack() as stack,
    ):
        sign_in(client, EMAILS["owner"])
        for _ in range(20):
            answer = stack.enter_context(client.stream("GET", "/orders/live"))
            assert answer.status_code == 200
            next(answer.iter_raw())
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0  # the streams would go on for minutes, and be cut off after one
        assert not [line for line in server.lines() if line["level"] in ("error", "critical")]
        assert "Traceback" not in server.log.read_text("utf-8")
