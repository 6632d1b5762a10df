"""One line an event, as JSON for programs or in colour for a person at a terminal.

Fields are chosen where the event is logged; what people send (bodies, query strings, names, addresses) never is.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import structlog

Format = Literal["auto", "json", "console"]
Line = Callable[..., None]


def _say(**fields: Any) -> None:
    structlog.get_logger().info("request", **fields)


# How the line of a request is written: replaced by `configure`.
_request_line: Line = _say


def request_line(**fields: Any) -> None:
    """The one line that every request writes, on the event loop. As JSON it goes past structlog's chain, which takes a
    fifth of the time of a whole GET, and the lines of one turn of the loop go out together."""
    _request_line(**fields)


def configure(level: str, log_format: Format) -> None:
    """Send our events, and the standard library's, to standard error: standard output belongs to commands."""
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
    global _request_line  # noqa: PLW0603 - the logging of a process is one, as structlog's own is
    _request_line = _to_request_line(threshold, as_json=as_json)
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[_Relay()], force=True)


def _to_request_line(threshold: int, *, as_json: bool) -> Line:
    if threshold > logging.INFO:
        return lambda **_: None
    if not as_json:
        return _say
    out = sys.stderr.buffer
    lines: list[bytes] = []

    def write(**fields: Any) -> None:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        if not lines:
            asyncio.get_running_loop().call_soon(flush)
        fields |= {"event": "request", "level": "info", "timestamp": now}
        lines.append(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))

    def flush() -> None:
        written = b"".join(lines)
        lines.clear()
        out.write(written)
        out.flush()

    return write


def _renderer(as_json: bool) -> Any:
    if as_json:
        return structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str))
    return structlog.dev.ConsoleRenderer(colors=True)


class _Relay(logging.Handler):
    """Libraries log through the standard library; their lines join ours, without their tracebacks' values."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name)


def where(error: BaseException) -> dict[str, Any]:
    """The kind and place of an error without its message: a driver's message may quote what a customer typed."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"error": type(error).__qualname__, "trace": frames[-12:]}
