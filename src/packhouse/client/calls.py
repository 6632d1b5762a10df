"""What the calls send and what their answers mean, for both runners."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias, TypedDict
from urllib.parse import parse_qsl, urlsplit

import httpx

BATCH = 100

# The whole wire shape stands in /openapi.json; what is read is passed on as it came.
Order: TypeAlias = dict[str, Any]


class Receipt(TypedDict):
    id: int
    order_id: str
    order_number: str


class Integration(TypedDict):
    id: int
    shop_name: str
    shop_url: str | None
    type: str
    service_point_enabled: bool
    service_point_carriers: list[str]
    webhook_active: bool
    webhook_url: str | None
    feedback_type: str
    started_failing_at: str | None
    last_fetched_at: str | None
    created_at: str
    updated_at: str


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
