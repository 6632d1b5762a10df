"""The karrio SDK, loaded at its first use and kept under control.

Its carriers turn calls into requests and answers into data; a `Transport` of ours sends them. By itself, the SDK does
not check certificates (and turns the check off for the whole process while it is loaded), waits for answers without a
limit, and writes what it sends to standard error. None of that happens here. It does not read the PDFs of carriers with
PyPDF2 either, which is no longer maintained: pypdfium2 joins them.
"""

import importlib
import inspect
import io
import re
import ssl
import sys
import threading
import types
import urllib.error
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from functools import lru_cache, partial
from typing import IO, Any, NamedTuple, TypeAlias

import httpcore
import orjson
import structlog

from packhouse.carriers import Rejected, Unreachable
from packhouse.kit import errors
from packhouse.kit.messages import foreign, message

_log = structlog.get_logger()
_LOADING = threading.Lock()
# The line of the question that a thread is at: some of the SDK's carriers send a part of it (a sign-in, a document that
# lies elsewhere) without naming the tracer that carries it.
_AT_HAND = threading.local()
_TIMEOUTS = {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 10.0}


class Call(NamedTuple):
    """A request to a carrier."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


Transport: TypeAlias = Callable[[Call], tuple[int, bytes]]
"""Status and body of the answer. Raises Unreachable."""


def send(call: Call) -> tuple[int, bytes]:
    """Send over the network and check certificates. Raises Unreachable."""
    try:
        with httpcore.ConnectionPool(ssl_context=ssl.create_default_context()) as pool:
            answer = pool.request(
                call.method,
                call.url,
                headers=list(call.headers.items()),
                content=call.body,
                extensions={"timeout": _TIMEOUTS},
            )
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        not_received = isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout)
        told = message("The carrier cannot be reached: {name}.", name=type(error).__name__)
        raise Unreachable(told, not_received=not_received) from error
    return answer.status, answer.content


class _Verb(NamedTuple):
    """The SDK's names for one kind of call: its shape, and the three steps to an answer."""

    shape: str
    write: str
    ask: str
    read: str


_VERBS = {
    "announce": _Verb("ShipmentRequest", "create_shipment_request", "create_shipment", "parse_shipment_response"),
    "announce_return": _Verb(
        "ShipmentRequest", "create_return_shipment_request", "create_return_shipment", "parse_return_shipment_response"
    ),
    "cancel": _Verb(
        "ShipmentCancelRequest", "create_cancel_shipment_request", "cancel_shipment", "parse_cancel_shipment_response"
    ),
    "rate": _Verb("RateRequest", "create_rate_request", "get_rates", "parse_rate_response"),
    "track": _Verb("TrackingRequest", "create_tracking_request", "get_tracking", "parse_tracking_response"),
}


class _Sdk(NamedTuple):
    """The parts of one carrier's package that are used. `tracer` is a class whose objects carry a transport."""

    lib: Any
    models: Any
    settings: Any
    mapper: Any
    proxy: Any
    tracer: Any


def ask(
    verb: str,
    package: str,
    payload: Mapping[str, Any],
    credentials: Mapping[str, Any],
    transport: Transport,
    amend: Callable[[Any], None] | None = None,
) -> tuple[Any, Any]:
    """Return the carrier's answer as the SDK gives it, and as it was parsed. `amend` corrects what the SDK is about to
    send. Raises Rejected, also for incomplete credentials, and Unreachable."""
    with _LOADING:
        sdk = _load(package)
    steps = _VERBS[verb]
    settings = _to_settings(sdk, credentials)
    line = sdk.tracer(transport)
    settings.tracer, settings.cache, settings.system_config = line, sdk.lib.Cache(), sdk.lib.SystemConfig()
    mapper, proxy = sdk.mapper(settings), sdk.proxy(settings)
    _AT_HAND.line = line
    try:
        question = sdk.lib.to_object(getattr(sdk.models, steps.shape), dict(payload))
        request = getattr(mapper, steps.write)(question)
        if amend is not None:
            amend(request.value)
        answer = getattr(proxy, steps.ask)(request)
        details, messages = _read(partial(getattr(mapper, steps.read), answer))
    except Unreachable:
        raise
    except Exception as error:
        raise _explain(error, line.statuses) from error
    finally:
        del _AT_HAND.line
    if details is None or details == []:
        _refuse(messages, line.statuses)
    return details, answer.deserialize()


_NOBODYS = "1Z0000000000000000"
_REFUSED = re.compile(
    r"auth|credential|password|log.?in|client.?id|api.?key|denied|permission|forbidden", re.IGNORECASE
)


def test_connection(package: str, credentials: Mapping[str, Any], transport: Transport) -> None:
    """Ask for a parcel that does not exist: a carrier that answers that it is unknown has accepted the credentials.
    Raises Rejected if they are refused or incomplete, and Unreachable."""
    statuses: list[int] = []

    def watched(call: Call) -> tuple[int, bytes]:
        status, body = transport(call)
        statuses.append(status)
        return status, body

    try:
        ask("track", package, {"tracking_numbers": [_NOBODYS]}, credentials, watched)
    except Rejected as refusal:
        is_refused = any(_REFUSED.search(str(fault.detail)) for fault in refusal.faults)
        if not statuses or is_refused or not {401, 403}.isdisjoint(statuses):
            raise


def _read(work: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Some carriers' packages fetch documents while they read an answer. If that fails, the carrier has still received
    the request."""
    try:
        return work()
    except Unreachable as error:
        raise Unreachable(foreign(str(error))) from error


def _refuse(messages: Sequence[Any], statuses: Sequence[int]) -> None:
    """Raises Rejected if the carrier says why there is no result, and Unreachable if it says nothing. A parcel of which
    nothing is known yet comes as a warning, which is no refusal."""
    told = [one for one in messages if one.level != "warning"]
    if told:
        raise Rejected([_to_fault(one) for one in told])
    if not messages:
        raise _explain(ValueError(message("an empty answer")), statuses)


def _explain(error: Exception, statuses: Sequence[int]) -> Rejected | Unreachable:
    """Translate an error in the SDK: before anything was sent, the request was wrong; after a refusal that it could not
    read, the carrier refused; otherwise the outcome is unknown."""
    if messages := getattr(error, "messages", None):
        return Rejected([_to_fault(one) for one in messages])
    if not statuses:
        return Rejected(
            [
                errors.ErrorItem(
                    "invalid", message("The carrier cannot process this request: {error}.", error=_to_text(error))
                )
            ]
        )
    if 400 <= statuses[-1] < 500:
        return Rejected(
            [errors.ErrorItem("invalid", message("The carrier refused with status {status}.", status=statuses[-1]))]
        )
    _log.error("answer of a carrier cannot be read", error=type(error).__name__)
    return Unreachable(message("The carrier's answer cannot be read."))


def _to_text(error: Exception) -> str:
    details = getattr(error, "details", None)
    return f"{error} {details}" if details else f"{error}"


def _to_fault(told: Any) -> errors.ErrorItem:
    said = foreign(told.message) if told.message else message("The carrier refused.")
    return errors.ErrorItem("invalid", message("{said} ({code})", said=said, code=told.code) if told.code else said)


def _to_settings(sdk: _Sdk, credentials: Mapping[str, Any]) -> Any:
    """Raises Rejected and names what the contract lacks."""
    known = inspect.signature(sdk.settings).parameters
    lacking = [n for n, p in known.items() if p.default is p.empty and n != "services" and not credentials.get(n)]
    if lacking:
        detail = message("The credentials of the contract lack {lacking}.", lacking=", ".join(lacking))
        raise Rejected([errors.ErrorItem("invalid", detail, title="Incomplete contract")])
    return sdk.settings(**{name: value for name, value in credentials.items() if name in known})


@lru_cache
def _load(package: str) -> _Sdk:
    """Load the package under a lock, and restore what the SDK changes in the process while it is loaded."""
    images = importlib.import_module("PIL.ImageFile")
    checked, is_lenient = ssl._create_default_https_context, images.LOAD_TRUNCATED_IMAGES  # noqa: SLF001
    importlib.import_module("loguru").logger.disable("karrio")
    with warnings.catch_warnings(), _pdf_merger_replaced():
        warnings.simplefilter("ignore")
        try:
            lib = importlib.import_module("karrio.lib")
            models = importlib.import_module("karrio.core.models")
            parts = [importlib.import_module(f"karrio.mappers.{package}.{part}") for part in _PARTS]
        finally:
            ssl._create_default_https_context = checked  # noqa: SLF001
            vars(images)["LOAD_TRUNCATED_IMAGES"] = is_lenient
    settings, mapper, proxy = parts
    _resolve_aliases(importlib.import_module("karrio.core.units").Options)
    vars(lib).update(request=_request, request_with_response=_refuse_to_send)
    return _Sdk(lib, models, settings.Settings, mapper.Mapper, proxy.Proxy, _to_tracer(lib))


_PARTS = ("settings", "mapper", "proxy")


def _resolve_aliases(options: Any) -> None:
    """The SDK keeps an option under the carrier's name of it, and looks for it under the common one: `cash_on_delivery`
    is then nowhere, and a carrier is told to collect `None` (karrio 2026.1). Both names find it here."""
    look_up = vars(options).get("__getitem__")
    if look_up is None or getattr(look_up, "resolves_aliases", False):
        return

    def find(self: Any, item: Any) -> Any:
        kinds = self._option_type
        is_known = isinstance(item, str) and kinds is not None and item in kinds
        return look_up(self, kinds[item].name if is_known else item)

    find.resolves_aliases = True  # type: ignore[attr-defined]
    options.__getitem__ = find


class _PdfMerger:
    """The three methods of `PyPDF2.PdfMerger` that the SDK calls to join the PDFs that a carrier sent."""

    def __init__(self, **_: Any) -> None:
        self._parts: list[bytes] = []

    def append(self, file: IO[bytes]) -> None:
        file.seek(0)
        self._parts.append(file.read())

    def write(self, target: IO[bytes]) -> None:
        """Raises PdfiumError for a file that is not a PDF."""
        pdfium = importlib.import_module("pypdfium2")  # a server never needs it
        with pdfium.PdfDocument.new() as whole:
            for content in self._parts:
                with pdfium.PdfDocument(content) as part:
                    whole.import_pages(part)
            whole.save(target)


@contextmanager
def _pdf_merger_replaced() -> Iterator[None]:
    """Have the SDK import a stand-in for PyPDF2, whose own code is never loaded: it has had no release since 2022, and
    a PDF of a stranger can make it read without end (CVE-2023-36464)."""
    stand_in = types.ModuleType("PyPDF2")
    vars(stand_in)["PdfMerger"] = _PdfMerger
    before = sys.modules.get("PyPDF2")
    sys.modules["PyPDF2"] = stand_in
    try:
        yield
    finally:
        del sys.modules["PyPDF2"]
        if before is not None:
            sys.modules["PyPDF2"] = before


def _to_tracer(lib: Any) -> Any:
    """The SDK's carriers name their tracer with everything they send: so each call finds its transport by it. What
    they would record is not kept."""

    class Line(lib.Tracer):  # type: ignore[misc]
        def __init__(self, transport: Transport) -> None:
            super().__init__()
            self.transport = transport
            self.statuses: list[int] = []

        def trace(self, data: Any, *_: Any, **__: Any) -> Any:
            return data

        def with_metadata(self, _metadata: Any) -> Any:
            return self.trace

    return Line


def _request(  # in the place of the SDK's own, and called as that is
    decoder: Callable[[bytes], Any] | None = None,
    on_ok: Callable[[Any], Any] | None = None,
    on_error: Callable[[Any], Any] | None = None,
    trace: Any = None,
    **sent: Any,
) -> Any:
    line = _AT_HAND.line if trace is None else trace._tracer  # noqa: SLF001
    data = sent.get("data") or b""
    if not isinstance(data, str | bytes):
        data = orjson.dumps(data)
    call = Call(
        sent.get("method") or ("POST" if data else "GET"),
        sent["url"],
        {name: str(value) for name, value in (sent.get("headers") or {}).items()},
        data.encode() if isinstance(data, str) else data,
    )
    line.statuses.append(0)  # sent, and nobody knows yet
    status, body = line.transport(call)
    line.statuses[-1] = status
    if status >= 500 or status == 429:
        raise Unreachable(
            message("The carrier answered with status {status}.", status=status), not_received=status in (429, 503)
        )
    if status >= 400:
        refusal = urllib.error.HTTPError(call.url, status, "refused", Message(), io.BytesIO(body))
        return on_error(refusal) if on_error else _decode(body)
    return on_ok(io.BytesIO(body)) if on_ok else (decoder or _decode)(body)


_PART_HEAD = re.compile(rb"(<(?:jsonInfos|label)>)\r\n\r\n")


def _decode(body: bytes) -> str:
    """Decode as the SDK does, which keeps a binary file as one character per byte. The SDK separates the parts of such
    an answer by line feeds only; nothing within the file is changed."""
    if b"--uuid:" in body[:20]:
        body = _PART_HEAD.sub(rb"\1\n\n", body).replace(b"\r\n--uuid:", b"\n--uuid:")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("iso-8859-1")


def _refuse_to_send(**_: Any) -> Any:
    raise NotImplementedError("this carrier sends in a way that is not known here")
