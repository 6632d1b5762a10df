"""Metrics of the running server, in the format of Prometheus.

A single process keeps them in memory. Processes that share a port keep them in files that all of them map (`packhouse
serve --workers` names the folder before it starts them). Any of them can then answer for all, and the counts of a
killed one remain.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})


class Sample(NamedTuple):
    """A metric that is computed when it is read: a value for each value of its one label, or without a label the value
    of `""`."""

    name: str
    about: str
    label: str | None
    found: Mapping[str, float]


class Metrics:
    """`counted` names what packages count, each with a description: `packhouse_<name>_total` by outcome."""

    def __init__(self, counted: Mapping[str, str]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "packhouse_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "packhouse_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ("method", "route"),
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._connections = Gauge(
            "packhouse_database_connections_in_use",
            "Connections that requests hold, sampled every second.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._allowed = Gauge(
            "packhouse_database_connections_allowed",
            "Connections that requests may hold at most.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._counters = {
            name: Counter(f"packhouse_{name}", about, ("outcome",), registry=self._registry)
            for name, about in counted.items()
        }
        # Looking a series up by its labels costs more than adding to it does.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. `route` is the pattern, not the path, so that the number of series is limited."""
        series = self._series.get((method, route, status))
        if series is None:
            series = self._find_series(method, route, status)
        series[0].inc()
        series[1].observe(seconds)

    def _find_series(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        known = method if method in _METHODS else "other"
        found = self._requests.labels(known, route, str(status)), self._seconds.labels(known, route)
        if known == method:
            self._series[method, route, status] = found
        return found

    def count(self, name: str, outcome: str, by: int = 1) -> None:
        self._counters[name].labels(outcome).inc(by)

    def sample_connections(self, in_use: int, allowed: int) -> None:
        self._connections.set(in_use)
        self._allowed.set(allowed)

    def to_text(self, readings: Iterable[Sample]) -> bytes:
        """Write all metrics, of all processes, together with these samples."""
        if not values.ValueClass._multiprocess:  # noqa: SLF001 - the package has no other word for it
            return generate_latest(self._registry) + generate_latest(_registry_of(_Readings(readings)))
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared) + generate_latest(_registry_of(_Readings(readings)))


class _Readings(Collector):
    def __init__(self, readings: Iterable[Sample]) -> None:
        self._readings = list(readings)

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            labels = () if reading.label is None else (reading.label,)
            family = GaugeMetricFamily(f"packhouse_{reading.name}", reading.about, labels=labels)
            for key, value in sorted(reading.found.items()):
                family.add_metric((key,) if labels else (), value)
            yield family


def _registry_of(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
