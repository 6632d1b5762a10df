"""The two clients: `Client` with threads, `AsyncClient` with asyncio. They send and wait.

The examples are run against a server that has the orders `shop-1` to `shop-3`, numbered T-1 to T-3.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import httpx

from packhouse.client import calls
from packhouse.client.calls import Progress, Upserted, UpsertRun
from packhouse.client.exchange import ApiError, Hook, Wait, create_exchange
from packhouse.client.models import Integration, Label, NewOrder, Order, Receipt, Shipment

Orders = Iterable[NewOrder] | Iterable[Mapping[str, Any]]


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
        timeout_seconds: float | httpx.Timeout = 60.0,
        headers: Mapping[str, str] | None = None,
        idempotency_keys: bool = True,
        on_event: Hook | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`key` signs in by HTTP Basic, `client` by OAuth2 with `scopes`; `token_url` is `/oauth2/token` of the same
        host where it is not given. Calls that could do their work twice carry an idempotency key of their own, unless
        the server knows none: then they are not repeated after a lost answer. `on_event` is told of each request,
        answer, error and retry. Without `transport`, `sleep` and `jitter` it is the network, the clock and chance."""
        self._exchange = create_exchange(
            base_url, key, client, scopes, token_url, retries, headers or {}, jitter, on_event, idempotency_keys
        )
        self._http = httpx.Client(transport=transport, timeout=timeout_seconds)
        self._sleep = sleep

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections.

        >>> Client("http://127.0.0.1:8000/api/v3", key=("public", "secret")).close()
        """
        self._http.close()

    def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Call any path below the base URL, with `params`, `json`, `headers` and `timeout_seconds`; signed in, and
        repeated where that helps.

        >>> answer = client.call("GET", "/orders", params={"page_size": 1}, timeout_seconds=10)
        >>> answer.status_code
        200
        """
        steps = self._exchange.call(method, path, **sent)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    self._sleep(step.seconds)
                    step = next(steps)
                    continue
                try:
                    answer = self._http.send(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            found: httpx.Response = end.value
            return found

    def upsert_orders(self, orders: Orders) -> list[Receipt]:
        """Push any number, in batches of 100; each batch is stored whole or not at all, those before it stay. Raises
        ApiError, whose pointers count from the start of the failing batch.

        >>> receipts = client.upsert_orders([order])
        >>> receipts[0]["order_id"]
        'shop-1'
        """
        receipts: list[Receipt] = []
        for batch in calls.to_batches(orders):
            receipts += calls.read_data(self.call("POST", "/orders", json=batch))
        return receipts

    def upsert_many(self, orders: Orders, *, on_progress: Callable[[Progress], None] | None = None) -> Upserted:
        """Push any number, in batches of 100, and go on after a batch that is rejected or cannot be sent: its error is
        in the result. `on_progress` is told after each batch.

        >>> result = client.upsert_many([order, {"order_id": "x"}], on_progress=print)
        Progress(stored=0, failed=2)
        >>> result.errors[0].start, result.errors[0].error.status
        (0, 400)
        """
        run = UpsertRun(orders, on_progress)
        for batch in run:
            try:
                run.note(batch, calls.read_data(self.call("POST", "/orders", json=batch)))
            except (ApiError, httpx.TransportError) as error:
                run.note(batch, error)
        return run.result

    def iter_orders(self, **filters: Any) -> Iterator[Order]:
        """Iterate over every order that the filters of the list leave, page after page.

        >>> [order["order_number"] for order in client.iter_orders(sort="pk", page_size=2)]
        ['T-1', 'T-2', 'T-3']
        """
        return self.iterate("/orders", **filters)

    def iterate_orders(self, **filters: Any) -> Iterator[Order]:
        """Do what `iter_orders` does; the older name.

        >>> [order["order_id"] for order in client.iterate_orders(order_number="T-2")]
        ['shop-2']
        """
        return self.iter_orders(**filters)

    def iterate(self, path: str, **filters: Any) -> Iterator[Any]:
        """Iterate over every entry of a list that comes in pages, like `/shipments` or `/integrations/logs`.

        >>> [shipment["order_number"] for shipment in client.iterate("/shipments", order_number="T-2")]
        []
        """
        params: dict[str, Any] | None = calls.to_params(filters)
        while params is not None:
            page = self.call("GET", path, params=params)
            yield from calls.read_data(page)
            params = calls.find_next(page)

    def get_order(self, id: int | str) -> Order:
        """Read an order by our id. Raises ApiError.

        >>> (client.get_order(1))["order_number"]
        'T-1'
        """
        found: Order = calls.read_data(self.call("GET", f"/orders/{id}"))
        return found

    def patch_order(self, id: int | str, changes: Mapping[str, Any]) -> Receipt:
        """Change an order; what is not named stays.

        >>> (client.patch_order(3, {"order_number": "T-30"}))["order_number"]
        'T-30'
        """
        receipt: Receipt = calls.read_data(self.call("PATCH", f"/orders/{id}", json=changes))
        return receipt

    def delete_order(self, id: int | str) -> None:
        """Delete an order.

        >>> client.delete_order(3)
        """
        self.call("DELETE", f"/orders/{id}")

    def list_integrations(self, sort: str | None = None) -> list[Integration]:
        """List the integrations, sorted by one of their fields.

        >>> [shop["shop_name"] for shop in client.list_integrations(sort="shop_name")]
        ['Sandbox shop']
        """
        params = calls.to_params({"sort": sort})
        found: list[Integration] = calls.read_data(self.call("GET", "/integrations", params=params))
        return found

    def get_integration(self, id: int) -> Integration:
        """Read an integration.

        >>> (client.get_integration(1))["webhook_active"]
        False
        """
        found: Integration = calls.read_data(self.call("GET", f"/integrations/{id}"))
        return found

    def patch_integration(self, id: int, changes: Mapping[str, Any]) -> None:
        """Change an integration; what is not named stays.

        >>> client.patch_integration(1, {"shop_name": "Teashop"})
        """
        self.call("PATCH", f"/integrations/{id}", json=changes)

    def delete_integration(self, id: int) -> None:
        """Delete an integration; its orders stay readable. Raises ApiError.

        >>> try:
        ...     client.delete_integration(77)
        ... except ApiError as error:
        ...     print(error.status)
        404
        """
        self.call("DELETE", f"/integrations/{id}")

    def create_label(self, body: Mapping[str, Any]) -> Label:
        """Make the label of one order and wait for it. A lost answer is asked for again, and makes no second label.

        >>> label = client.create_label({"integration_id": 1, "order": {"order_id": "shop-1"}})
        >>> label["order_number"], label["parcel_id"]
        ('T-1', 1)
        """
        found: Label = calls.read_data(self.call("POST", "/orders/create-label-sync", json=body))
        return found

    def create_labels(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for the labels of several orders: `data` and `errors`, each order by itself.

        >>> made = client.create_labels({"integration_id": 1, "orders": [{"order_id": "shop-2"}]})
        >>> [each["order_id"] for each in made["data"]]
        ['shop-2']
        """
        found: dict[str, Any] = (self.call("POST", "/orders/create-labels-async", json=body)).json()
        return found

    def get_shipment(self, id: int | str) -> Shipment:
        """Read a shipment by its id, with its parcels.

        >>> (client.get_shipment(label["shipment_id"]))["order_number"]
        'T-1'
        """
        found: Shipment = calls.read_data(self.call("GET", f"/shipments/{id}"))
        return found

    def get_document(self, parcel_id: int, type: str = "label", accept: str = "application/pdf") -> bytes:
        """Download a document of a parcel, such as its label.

        >>> (client.get_document(1))[:4]
        b'%PDF'
        """
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
        timeout_seconds: float | httpx.Timeout = 60.0,
        headers: Mapping[str, str] | None = None,
        idempotency_keys: bool = True,
        on_event: Hook | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`key` signs in by HTTP Basic, `client` by OAuth2 with `scopes`; `token_url` is `/oauth2/token` of the same
        host where it is not given. Calls that could do their work twice carry an idempotency key of their own, unless
        the server knows none: then they are not repeated after a lost answer. `on_event` is told of each request,
        answer, error and retry. Without `transport`, `sleep` and `jitter` it is the network, the clock and chance."""
        self._exchange = create_exchange(
            base_url, key, client, scopes, token_url, retries, headers or {}, jitter, on_event, idempotency_keys
        )
        self._http = httpx.AsyncClient(transport=transport, timeout=timeout_seconds)
        self._sleep = sleep

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections.

        >>> await AsyncClient("http://127.0.0.1:8000/api/v3", key=("public", "secret")).close()
        """
        await self._http.aclose()

    async def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Call any path below the base URL, with `params`, `json`, `headers` and `timeout_seconds`; signed in, and
        repeated where that helps.

        >>> answer = await client.call("GET", "/orders", params={"page_size": 1}, timeout_seconds=10)
        >>> answer.status_code
        200
        """
        steps = self._exchange.call(method, path, **sent)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    await self._sleep(step.seconds)
                    step = next(steps)
                    continue
                try:
                    answer = await self._http.send(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            found: httpx.Response = end.value
            return found

    async def upsert_orders(self, orders: Orders) -> list[Receipt]:
        """Push any number, in batches of 100; each batch is stored whole or not at all, those before it stay. Raises
        ApiError, whose pointers count from the start of the failing batch.

        >>> receipts = await client.upsert_orders([order])
        >>> receipts[0]["order_id"]
        'shop-1'
        """
        receipts: list[Receipt] = []
        for batch in calls.to_batches(orders):
            receipts += calls.read_data(await self.call("POST", "/orders", json=batch))
        return receipts

    async def upsert_many(self, orders: Orders, *, on_progress: Callable[[Progress], None] | None = None) -> Upserted:
        """Push any number, in batches of 100, and go on after a batch that is rejected or cannot be sent: its error is
        in the result. `on_progress` is told after each batch.

        >>> result = await client.upsert_many([order, {"order_id": "x"}], on_progress=print)
        Progress(stored=0, failed=2)
        >>> result.errors[0].start, result.errors[0].error.status
        (0, 400)
        """
        run = UpsertRun(orders, on_progress)
        for batch in run:
            try:
                run.note(batch, calls.read_data(await self.call("POST", "/orders", json=batch)))
            except (ApiError, httpx.TransportError) as error:
                run.note(batch, error)
        return run.result

    def iter_orders(self, **filters: Any) -> AsyncIterator[Order]:
        """Iterate over every order that the filters of the list leave, page after page.

        >>> [order["order_number"] async for order in client.iter_orders(sort="pk", page_size=2)]
        ['T-1', 'T-2', 'T-3']
        """
        return self.iterate("/orders", **filters)

    def iterate_orders(self, **filters: Any) -> AsyncIterator[Order]:
        """Do what `iter_orders` does; the older name.

        >>> [order["order_id"] async for order in client.iterate_orders(order_number="T-2")]
        ['shop-2']
        """
        return self.iter_orders(**filters)

    async def iterate(self, path: str, **filters: Any) -> AsyncIterator[Any]:
        """Iterate over every entry of a list that comes in pages, like `/shipments` or `/integrations/logs`.

        >>> [shipment["order_number"] async for shipment in client.iterate("/shipments", order_number="T-2")]
        []
        """
        params: dict[str, Any] | None = calls.to_params(filters)
        while params is not None:
            page = await self.call("GET", path, params=params)
            for entry in calls.read_data(page):
                yield entry
            params = calls.find_next(page)

    async def get_order(self, id: int | str) -> Order:
        """Read an order by our id. Raises ApiError.

        >>> (await client.get_order(1))["order_number"]
        'T-1'
        """
        found: Order = calls.read_data(await self.call("GET", f"/orders/{id}"))
        return found

    async def patch_order(self, id: int | str, changes: Mapping[str, Any]) -> Receipt:
        """Change an order; what is not named stays.

        >>> (await client.patch_order(3, {"order_number": "T-30"}))["order_number"]
        'T-30'
        """
        receipt: Receipt = calls.read_data(await self.call("PATCH", f"/orders/{id}", json=changes))
        return receipt

    async def delete_order(self, id: int | str) -> None:
        """Delete an order.

        >>> await client.delete_order(3)
        """
        await self.call("DELETE", f"/orders/{id}")

    async def list_integrations(self, sort: str | None = None) -> list[Integration]:
        """List the integrations, sorted by one of their fields.

        >>> [shop["shop_name"] for shop in await client.list_integrations(sort="shop_name")]
        ['Sandbox shop']
        """
        params = calls.to_params({"sort": sort})
        found: list[Integration] = calls.read_data(await self.call("GET", "/integrations", params=params))
        return found

    async def get_integration(self, id: int) -> Integration:
        """Read an integration.

        >>> (await client.get_integration(1))["webhook_active"]
        False
        """
        found: Integration = calls.read_data(await self.call("GET", f"/integrations/{id}"))
        return found

    async def patch_integration(self, id: int, changes: Mapping[str, Any]) -> None:
        """Change an integration; what is not named stays.

        >>> await client.patch_integration(1, {"shop_name": "Teashop"})
        """
        await self.call("PATCH", f"/integrations/{id}", json=changes)

    async def delete_integration(self, id: int) -> None:
        """Delete an integration; its orders stay readable. Raises ApiError.

        >>> try:
        ...     await client.delete_integration(77)
        ... except ApiError as error:
        ...     print(error.status)
        404
        """
        await self.call("DELETE", f"/integrations/{id}")

    async def create_label(self, body: Mapping[str, Any]) -> Label:
        """Make the label of one order and wait for it. A lost answer is asked for again, and makes no second label.

        >>> label = await client.create_label({"integration_id": 1, "order": {"order_id": "shop-1"}})
        >>> label["order_number"], label["parcel_id"]
        ('T-1', 1)
        """
        found: Label = calls.read_data(await self.call("POST", "/orders/create-label-sync", json=body))
        return found

    async def create_labels(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for the labels of several orders: `data` and `errors`, each order by itself.

        >>> made = await client.create_labels({"integration_id": 1, "orders": [{"order_id": "shop-2"}]})
        >>> [each["order_id"] for each in made["data"]]
        ['shop-2']
        """
        found: dict[str, Any] = (await self.call("POST", "/orders/create-labels-async", json=body)).json()
        return found

    async def get_shipment(self, id: int | str) -> Shipment:
        """Read a shipment by its id, with its parcels.

        >>> (await client.get_shipment(label["shipment_id"]))["order_number"]
        'T-1'
        """
        found: Shipment = calls.read_data(await self.call("GET", f"/shipments/{id}"))
        return found

    async def get_document(self, parcel_id: int, type: str = "label", accept: str = "application/pdf") -> bytes:
        """Download a document of a parcel, such as its label.

        >>> (await client.get_document(1))[:4]
        b'%PDF'
        """
        path = f"/parcels/{parcel_id}/documents/{type}"
        return (await self.call("GET", path, headers={"Accept": accept})).content
