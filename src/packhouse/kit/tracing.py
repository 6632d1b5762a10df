"""A span per request for OpenTelemetry, if the operator turned it on and installed the extra `[otel]`.

OpenTelemetry's own settings (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, …), which its library reads, say where
spans go. A span has what the log line has.
"""

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

try:
    from opentelemetry import propagate, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ModuleNotFoundError:  # pragma: no cover - the extra is not installed
    TracerProvider = None  # type: ignore[assignment,misc]


class NotInstalled(ValueError):
    """Tracing is on, but what it needs is not installed."""


def require_installed() -> None:
    """Raises NotInstalled."""
    if TracerProvider is None:
        raise NotInstalled("PACKHOUSE_TRACING needs the extra: pip install 'packhouse[otel]'")


def find_provider() -> Any:
    """Return a provider that sends spans by OTLP over HTTP, in the background. Raises NotInstalled."""
    require_installed()
    told = Resource({"service.name": "packhouse"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=told)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Traced:
    """ASGI middleware around the application: the span joins the caller's trace if the request has a `traceparent`."""

    def __init__(self, app: ASGIApp, provider: Any) -> None:
        self._app = app
        self._provider = provider
        self._tracer = provider.get_tracer("packhouse")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan":
                self._provider.shutdown()  # what is not sent yet is sent now
            return
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        context, kind = propagate.extract(carrier), trace.SpanKind.SERVER
        with self._tracer.start_as_current_span(scope["method"], context, kind) as span:
            try:
                await self._app(scope, receive, send)
            finally:
                _describe(span, scope)


def _describe(span: Any, scope: Scope) -> None:
    record = scope["packhouse.request_info"]
    span.update_name(f"{scope['method']} {record.route}")
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", record.route)
    span.set_attribute("http.response.status_code", record.status)
    span.set_attribute("packhouse.request_id", record.request_id)
    if record.account_id is not None:
        span.set_attribute("packhouse.account_id", record.account_id)
    if record.status >= 500:
        span.set_status(trace.StatusCode.ERROR)
