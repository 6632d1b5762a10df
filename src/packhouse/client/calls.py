"""What the calls send and what their answers mean, for both runners."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx

from packhouse.client.exchange import ApiError
from packhouse.client.models import Receipt

BATCH = 100


class BatchError(NamedTuple):
    """A batch that was not stored: where it begins among all orders, its orders, and why. The places in the error count
    from the start of the batch."""

    start: int
    orders: Sequence[Mapping[str, Any]]
    error: ApiError | httpx.TransportError


class Progress(NamedTuple):
    """How far `upsert_many` has come."""

    stored: int
    failed: int


class Upserted(NamedTuple):
    """What came of many orders: the receipts of those that were stored, and the batches that were not."""

    receipts: list[Receipt]
    errors: list[BatchError]


class UpsertRun:
    """The bookkeeping of `upsert_many`: batches in, what came of them out."""

    def __init__(self, orders: Iterable[Mapping[str, Any]], on_progress: Callable[[Progress], None] | None) -> None:
        self._batches = to_batches(orders)
        self._tell = on_progress
        self._start = self._failed = 0
        self.result = Upserted([], [])

    def __iter__(self) -> Iterator[list[Mapping[str, Any]]]:
        return self._batches

    def note(self, batch: Sequence[Mapping[str, Any]], came: list[Receipt] | ApiError | httpx.TransportError) -> None:
        if isinstance(came, list):
            self.result.receipts.extend(came)
        else:
            self.result.errors.append(BatchError(self._start, batch, came))
            self._failed += len(batch)
        self._start += len(batch)
        if self._tell is not None:
            self._tell(Progress(len(self.result.receipts), self._failed))


def to_batches(orders: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield batches of 100, as many as a call may carry; read one batch at a time."""
    iterator = iter(orders)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def to_params(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is None; a list as the comma list that the API takes."""
    return {
        name: ",".join(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in filters.items()
        if value is not None
    }


def find_next(response: httpx.Response) -> dict[str, str] | None:
    """The query of the next page. Only the query: the credentials go to no other address than the one configured."""
    url = response.links.get("next", {}).get("url")
    return None if url is None else dict(parse_qsl(urlsplit(url).query))


def read_data(response: httpx.Response) -> Any:
    return response.json()["data"]
