"""The log: one line per event, as JSON for programs or in colour at a terminal.

Fields are chosen where the event is logged. Data that people send (bodies, query strings, names, addresses) is never
logged.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import orjson
import structlog

Format = Literal["auto", "json", "console"]


class RequestLine(NamedTuple):
    """The log line of a request; `at` is the time of its answer, in seconds since the epoch."""

    method: str
    route: str
    status: int
    duration_ms: float
    account: int | None
    request_id: str
    at: float

    def to_event(self) -> dict[str, Any]:
        fields = self._asdict()
        at = datetime.fromtimestamp(fields.pop("at"), UTC).isoformat(timespec="microseconds")
        return {**fields, "event": "request", "level": "info", "timestamp": f"{at[:-6]}Z"}


def _say(lines: Iterable[RequestLine]) -> None:
    for line in lines:
        structlog.get_logger().info(**line.to_event())


# How the lines of requests are written: replaced by `configure`.
_write_requests: Callable[[Iterable[RequestLine]], None] = _say


def write_requests(lines: Iterable[RequestLine]) -> None:
    """Write the lines of requests. As JSON they bypass structlog's processors, which would take a fifth of the time of
    a GET, and are written together."""
    _write_requests(lines)


def configure(level: str, log_format: Format) -> None:
    """Send our events, and those of the standard library, to standard error: standard output belongs to commands."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _renderer(as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer)
        if as_json
        else structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    global _write_requests  # noqa: PLW0603 - the logging of a process is one, as structlog's own is
    _write_requests = _to_writer(threshold, as_json=as_json)
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[_Relay()], force=True)


def _to_writer(threshold: int, *, as_json: bool) -> Callable[[Iterable[RequestLine]], None]:
    if threshold > logging.INFO:
        return lambda _: None
    if not as_json:
        return _say
    out = sys.stderr.buffer

    def write(lines: Iterable[RequestLine]) -> None:
        out.write(b"".join(orjson.dumps(line.to_event(), option=orjson.OPT_APPEND_NEWLINE) for line in lines))
        out.flush()

    return write


def _renderer(as_json: bool) -> Any:
    if as_json:
        return structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str))
    return structlog.dev.ConsoleRenderer(colors=True)


class _Relay(logging.Handler):
    """Passes on log lines of libraries, without the values in their tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name)


def where(error: BaseException) -> dict[str, Any]:
    """Return the kind and place of an error without its message: a driver's message may quote what a customer typed."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"error": type(error).__qualname__, "trace": frames[-12:]}
