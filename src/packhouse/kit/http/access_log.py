"""The line in the log and the metrics that each answered request leaves behind."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from packhouse.kit import logs
from packhouse.kit.metrics import Metrics

_WRITE_AFTER_SECONDS = 0.01


@dataclass(slots=True)
class RequestInfo:
    """The values of a request's log line; handlers add to them. None of them is text that a person typed."""

    request_id: str
    started: float
    route: str = "unmatched"
    account_id: int | None = None
    status: int = 0
    headers: Mapping[str, str] | None = None
    ignored: str = ""
    """The parameters of the query that are not read, for the client to see."""
    is_sending: bool = False
    """The answer is made, and the client still sends a body that nobody reads."""


class AccessLog:
    """The log lines and metrics of requests, written in batches a moment later: written one by one, they took a fifth
    of the time of a GET. A killed process loses those of a moment."""

    def __init__(self, meters: Metrics) -> None:
        self._meters = meters
        self._entries: list[tuple[str, RequestInfo, float, float]] = []
        self._later: asyncio.TimerHandle | None = None

    def add(self, method: str, record: RequestInfo) -> None:
        self._entries.append((method, record, time.perf_counter() - record.started, time.time()))
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_WRITE_AFTER_SECONDS, self.flush)

    def flush(self) -> None:
        """Write all that is waiting now."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        entries, self._entries = self._entries, []
        for method, record, seconds, _ in entries:
            self._meters.note_request(method, record.route, record.status, seconds)
        logs.write_requests(_to_line(*entry) for entry in entries)


def _to_line(method: str, record: RequestInfo, seconds: float, at: float) -> logs.RequestLine:
    return logs.RequestLine(
        method, record.route, record.status, round(seconds * 1000, 2), record.account_id, record.request_id, at
    )
