"""The two clients: `Client` with threads, `AsyncClient` with asyncio. They send and wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from packhouse.client import calls
from packhouse.client.calls import Integration, Order, Receipt
from packhouse.client.exchange import Wait, create_exchange


class Client:
    """One for many calls; close it, or use it in a `with`. Calls raise ApiError, and httpx's own errors."""

    def __init__(
        self,
        base_url: str,
        *,
        key: tuple[str, str] | None = None,
        client: tuple[str, str] | None = None,
        scopes: Sequence[str] = (),
        token_url: str | None = None,
        retries: int = 5,
        timeout_seconds: float = 60.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`key` signs in by HTTP Basic, `client` by OAuth2 with `scopes`; `token_url` is `/oauth2/token` of the same
        host where it is not given. Without `transport` and `sleep` it is the network and the clock."""
        self._exchange = create_exchange(base_url, key, client, scopes, token_url, retries, headers or {})
        self._http = httpx.Client(transport=transport, timeout=timeout_seconds)
        self._sleep = sleep

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Any path below the base URL, with `params`, `json` and `headers`; signed in, and retried."""
        steps = self._exchange.call(method, path, **sent)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    self._sleep(step.seconds)
                    step = next(steps)
                else:
                    step = steps.send(self._http.send(step))
        except StopIteration as end:
            answer: httpx.Response = end.value
            return answer

    def upsert_orders(self, orders: Iterable[Mapping[str, Any]]) -> list[Receipt]:
        """Any number, in batches of 100; each batch is stored whole or not at all, those before it stay. Raises
        ApiError, whose pointers count from the start of the failing batch."""
        receipts: list[Receipt] = []
        for batch in calls.to_batches(orders):
            receipts += calls.read_data(self.call("POST", "/orders", json=batch))
        return receipts

    def iterate_orders(self, **filters: Any) -> Iterator[Order]:
        """Every order that the filters of the list leave, page after page."""
        return self.iterate("/orders", **filters)

    def iterate(self, path: str, **filters: Any) -> Iterator[Any]:
        """Every entry of a list that comes in pages, like `/shipments` or `/integrations/logs`."""
        params: dict[str, Any] | None = calls.to_params(filters)
        while params is not None:
            page = self.call("GET", path, params=params)
            yield from calls.read_data(page)
            params = calls.find_next(page)

    def get_order(self, id: int | str) -> Order:
        found: Order = calls.read_data(self.call("GET", f"/orders/{id}"))
        return found

    def patch_order(self, id: int | str, changes: Mapping[str, Any]) -> Receipt:
        receipt: Receipt = calls.read_data(self.call("PATCH", f"/orders/{id}", json=changes))
        return receipt

    def delete_order(self, id: int | str) -> None:
        self.call("DELETE", f"/orders/{id}")

    def list_integrations(self, sort: str | None = None) -> list[Integration]:
        params = calls.to_params({"sort": sort})
        found: list[Integration] = calls.read_data(self.call("GET", "/integrations", params=params))
        return found

    def get_integration(self, id: int) -> Integration:
        found: Integration = calls.read_data(self.call("GET", f"/integrations/{id}"))
        return found

    def patch_integration(self, id: int, changes: Mapping[str, Any]) -> None:
        self.call("PATCH", f"/integrations/{id}", json=changes)

    def delete_integration(self, id: int) -> None:
        self.call("DELETE", f"/integrations/{id}")

    def create_label(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST /orders/create-label-sync: the answer with the label in it."""
        found: dict[str, Any] = calls.read_data(self.call("POST", "/orders/create-label-sync", json=body))
        return found

    def create_labels(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST /orders/create-labels-async: `data` and `errors`, each order by itself."""
        found: dict[str, Any] = (self.call("POST", "/orders/create-labels-async", json=body)).json()
        return found

    def get_shipment(self, id: int | str) -> dict[str, Any]:
        found: dict[str, Any] = calls.read_data(self.call("GET", f"/shipments/{id}"))
        return found

    def get_document(self, parcel_id: int, type: str = "label", accept: str = "application/pdf") -> bytes:
        path = f"/parcels/{parcel_id}/documents/{type}"
        return (self.call("GET", path, headers={"Accept": accept})).content


class AsyncClient:
    """A client whose calls are awaited."""

    def __init__(
        self,
        base_url: str,
        *,
        key: tuple[str, str] | None = None,
        client: tuple[str, str] | None = None,
        scopes: Sequence[str] = (),
        token_url: str | None = None,
        retries: int = 5,
        timeout_seconds: float = 60.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`key` signs in by HTTP Basic, `client` by OAuth2 with `scopes`; `token_url` is `/oauth2/token` of the same
        host where it is not given. Without `transport` and `sleep` it is the network and the clock."""
        self._exchange = create_exchange(base_url, key, client, scopes, token_url, retries, headers or {})
        self._http = httpx.AsyncClient(transport=transport, timeout=timeout_seconds)
        self._sleep = sleep

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Any path below the base URL, with `params`, `json` and `headers`; signed in, and retried."""
        steps = self._exchange.call(method, path, **sent)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    await self._sleep(step.seconds)
                    step = next(steps)
                else:
                    step = steps.send(await self._http.send(step))
        except StopIteration as end:
            answer: httpx.Response = end.value
            return answer

    async def upsert_orders(self, orders: Iterable[Mapping[str, Any]]) -> list[Receipt]:
        """Any number, in batches of 100; each batch is stored whole or not at all, those before it stay. Raises
        ApiError, whose pointers count from the start of the failing batch."""
        receipts: list[Receipt] = []
        for batch in calls.to_batches(orders):
            receipts += calls.read_data(await self.call("POST", "/orders", json=batch))
        return receipts

    def iterate_orders(self, **filters: Any) -> AsyncIterator[Order]:
        """Every order that the filters of the list leave, page after page."""
        return self.iterate("/orders", **filters)

    async def iterate(self, path: str, **filters: Any) -> AsyncIterator[Any]:
        """Every entry of a list that comes in pages, like `/shipments` or `/integrations/logs`."""
        params: dict[str, Any] | None = calls.to_params(filters)
        while params is not None:
            page = await self.call("GET", path, params=params)
            for entry in calls.read_data(page):
                yield entry
            params = calls.find_next(page)

    async def get_order(self, id: int | str) -> Order:
        found: Order = calls.read_data(await self.call("GET", f"/orders/{id}"))
        return found

    async def patch_order(self, id: int | str, changes: Mapping[str, Any]) -> Receipt:
        receipt: Receipt = calls.read_data(await self.call("PATCH", f"/orders/{id}", json=changes))
        return receipt

    async def delete_order(self, id: int | str) -> None:
        await self.call("DELETE", f"/orders/{id}")

    async def list_integrations(self, sort: str | None = None) -> list[Integration]:
        params = calls.to_params({"sort": sort})
        found: list[Integration] = calls.read_data(await self.call("GET", "/integrations", params=params))
        return found

    async def get_integration(self, id: int) -> Integration:
        found: Integration = calls.read_data(await self.call("GET", f"/integrations/{id}"))
        return found

    async def patch_integration(self, id: int, changes: Mapping[str, Any]) -> None:
        await self.call("PATCH", f"/integrations/{id}", json=changes)

    async def delete_integration(self, id: int) -> None:
        await self.call("DELETE", f"/integrations/{id}")

    async def create_label(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST /orders/create-label-sync: the answer with the label in it."""
        found: dict[str, Any] = calls.read_data(await self.call("POST", "/orders/create-label-sync", json=body))
        return found

    async def create_labels(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST /orders/create-labels-async: `data` and `errors`, each order by itself."""
        found: dict[str, Any] = (await self.call("POST", "/orders/create-labels-async", json=body)).json()
        return found

    async def get_shipment(self, id: int | str) -> dict[str, Any]:
        found: dict[str, Any] = calls.read_data(await self.call("GET", f"/shipments/{id}"))
        return found

    async def get_document(self, parcel_id: int, type: str = "label", accept: str = "application/pdf") -> bytes:
        path = f"/parcels/{parcel_id}/documents/{type}"
        return (await self.call("GET", path, headers={"Accept": accept})).content
