"""The client against a real server, and against answers that a server gives rarely."""

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from packhouse.client import ApiError, AsyncClient, Client, is_signed, models, sign
from packhouse.orders import schema
from tests import make
from tests.concurrency import served
from tests.conftest import OWNER, SECOND_SHOP, SHOP


@pytest.fixture(params=["guide", "reference"])
def url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    with served.serve(database_url, tmp_path / "log", profile=request.param) as server:
        yield f"{server.url}/api/v3"


def test_orders_in_and_out(url: str) -> None:
    with Client(url, key=OWNER) as client:
        receipts = client.upsert_orders(make.order(f"o-{number}") for number in range(230))
        assert [receipt["order_id"] for receipt in receipts] == [f"o-{number}" for number in range(230)]
        assert client.upsert_orders([]) == []
        found = [order["order_id"] for order in client.iterate_orders(sort="pk", page_size=100, integration=[SHOP])]
        assert found == [f"o-{number}" for number in range(230)]
        assert next(client.iterate_orders(order_id="o-7", status=None))["order_number"] == "N-o-7"
        id = receipts[0]["id"]
        assert client.patch_order(id, {"order_number": "N-new"})["order_number"] == "N-new"
        assert client.get_order(id)["order_number"] == "N-new"
        client.delete_order(id)
        with pytest.raises(ApiError) as gone:
            client.get_order(id)
        assert (gone.value.status, gone.value.faults[0].code) == (404, "not_found")
        with pytest.raises(ApiError, match="Field required") as refused:
            client.upsert_orders([make.order("o-1"), {"order_id": "x", "order_details": {"integration": {"id": SHOP}}}])
        places = [fault.source["pointer"] for fault in refused.value.faults]
        assert "/data/attributes/[1]/order_number" in places


def test_the_same_with_asyncio_and_tokens(url: str) -> None:
    async def work() -> None:
        async with AsyncClient(url, client=OWNER) as client:
            receipts = await client.upsert_orders(make.order(f"o-{number}") for number in range(130))
            assert len(receipts) == 130
            assert len([order async for order in client.iterate_orders(page_size=50)]) == 130
            await client.patch_order(receipts[0]["id"], {"order_number": "N-new"})
            assert (await client.get_order(receipts[0]["id"]))["order_number"] == "N-new"
            await client.delete_order(receipts[0]["id"])
            assert [shop["id"] for shop in await client.list_integrations("-id")] == [SECOND_SHOP, SHOP]
            await client.patch_integration(SHOP, {"shop_name": "Tea"})
            assert (await client.get_integration(SHOP))["shop_name"] == "Tea"
            await client.delete_integration(SHOP)
        async with AsyncClient(url, client=OWNER, scopes=["read:order"]) as reader:
            with pytest.raises(ApiError) as refused:
                await reader.list_integrations()
            assert refused.value.status == 403

    asyncio.run(work())


def test_any_list_is_walked(url: str) -> None:
    entries = [f"n. {number}" for number in range(5)]

    async def walk() -> list[Any]:
        async with AsyncClient(url, key=OWNER) as client:
            return [entry["exception"] async for entry in client.iterate("/integrations/logs", page_size=2)]

    with Client(url, key=OWNER) as client:
        for exception in entries:
            log = {"base_url": "https://shop.example.com", "exception": exception}
            client.call("POST", f"/integrations/{SHOP}/logs", json=log)
        found = [entry["exception"] for entry in client.iterate(f"/integrations/{SHOP}/logs", page_size=2)]
    assert found == asyncio.run(walk()) == entries[::-1]


def test_both_clients_have_the_same_calls() -> None:
    def calls(kind: type) -> dict[str, list[str]]:
        found = {name: call for name, call in vars(kind).items() if callable(call) and not name.startswith("_")}
        return {name: list(inspect.signature(call).parameters) for name, call in found.items()}

    assert calls(Client) == calls(AsyncClient)
    assert {"upsert_orders", "iterate_orders", "iterate", "create_label", "get_document"} <= set(calls(Client))


class Answers(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server that gives these answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def refuse(status: int, retry_after: str | None = None, detail: str = "no") -> httpx.Response:
    body = {"errors": [{"status": str(status), "code": "x", "detail": detail}]}
    return httpx.Response(status, json=body, headers={"Retry-After": retry_after} if retry_after else {})


def done() -> httpx.Response:
    return httpx.Response(200, json={"data": {"id": 1}})


def call(*answers: httpx.Response, **options: Any) -> tuple[Any, Answers, list[float]]:
    server, waits = Answers(*answers), list[float]()
    options = {"key": OWNER, "jitter": lambda: 0.0, **options}
    client = Client("https://api.example.com/api/v3/", transport=server, sleep=waits.append, **options)
    try:
        return client.get_order(1), server, waits
    except ApiError as error:
        return error, server, waits


def test_a_conflict_that_passes_is_waited_for() -> None:
    found, _, waits = call(refuse(409, "3"), refuse(409, "junk"), done())
    assert (found, waits) == ({"id": 1}, [3.0, 2.0])


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_the_server_says(status: int) -> None:
    found, server, waits = call(refuse(status, "3"), refuse(status), refuse(status, "junk"), done())
    assert found == {"id": 1}
    assert waits == [3.0, 2.0, 4.0]
    assert {str(request.url) for request in server.asked} == {"https://api.example.com/api/v3/orders/1"}


def test_it_understands_a_date_and_bounds_the_wait() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    _, _, waits = call(refuse(503, at), refuse(503, "99999"), refuse(429, "0"), done())
    assert 25 < waits[0] <= 30
    assert waits[1:] == [120.0, 0.0]


def test_the_published_words_for_a_conflict_are_tried_again() -> None:
    detail = "We are still processing a previous request. Please try again in a moment."
    found, _, waits = call(refuse(400, detail=detail), done())
    assert (found, waits) == ({"id": 1}, [1.0])


def test_it_gives_up_after_the_retries_and_at_once_where_trying_is_no_use() -> None:
    error, server, _ = call(*[refuse(503, "0")] * 3, retries=2)
    assert (error.status, len(server.asked)) == (503, 3)
    for status in (400, 401, 403, 404, 409, 500):  # a 409 that says no time will stay one
        error, server, waits = call(refuse(status))
        assert (error.status, len(server.asked), waits) == (status, 1, [])
    broken, _, _ = call(httpx.Response(502, text="<h1>Bad gateway</h1>"))
    assert (broken.faults, str(broken)) == ([], "502: Bad Gateway")


class Lost(Answers):
    """A server whose answers get lost: an exception in the place of an answer is raised."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer: Any = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: httpx.Response = answer
        return found


def lose(method: str, path: str, *answers: Any, **options: Any) -> tuple[Any, Lost]:
    server = Lost(*answers)
    client = Client("https://api.example.com/api/v3", key=OWNER, transport=server, sleep=lambda _: None, **options)
    try:
        return client.call(method, path, json={}), server
    except (ApiError, httpx.TransportError) as error:
        return error, server


def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    lost = httpx.ReadTimeout("slow")
    for method, path in (("POST", "/orders/create-label-sync"), ("PATCH", "/orders/1"), ("DELETE", "/orders/1")):
        answer, server = lose(method, path, lost, httpx.RemoteProtocolError("gone"), refuse(503, "0"), done())
        assert answer.status_code == 200
        keys = {request.headers["Idempotency-Key"] for request in server.asked}
        assert (len(server.asked), len(keys)) == (4, 1)
    for method, path in (("GET", "/orders"), ("POST", "/orders")):
        answer, server = lose(method, path, lost, done())
        assert (answer.status_code, "Idempotency-Key" in server.asked[0].headers) == (200, False)
    assert isinstance(lose("GET", "/orders", *[lost] * 3, retries=2)[0], httpx.ReadTimeout)


def test_without_keys_only_what_was_not_sent_is_sent_again() -> None:
    error, server = lose("POST", "/orders/create-label-sync", httpx.ReadTimeout("x"), idempotency_keys=False)
    assert (type(error), len(server.asked)) == (httpx.ReadTimeout, 1)
    answer, server = lose("PATCH", "/orders/1", httpx.ConnectError("x"), done(), idempotency_keys=False)
    assert (answer.status_code, "Idempotency-Key" in server.asked[0].headers) == (200, False)


def test_waits_are_spread_by_chance() -> None:
    _, _, waits = call(refuse(503), refuse(503, "10"), refuse(503), done(), jitter=lambda: 1.0)
    assert waits == [0.5, 11.0, 2.0]


def test_a_hook_and_the_log_are_told(caplog: pytest.LogCaptureFixture) -> None:
    events: list[Any] = []
    with caplog.at_level("DEBUG", logger="packhouse.client"):
        lose("GET", "/orders", httpx.ReadTimeout("slow"), refuse(503, "0"), done(), on_event=events.append)
    kinds = [event.kind for event in events]
    assert kinds == ["request", "error", "retry", "request", "response", "retry", "request", "response"]
    assert [event.attempt for event in events] == [1, 1, 1, 2, 2, 2, 3, 3]
    assert [event.status for event in events if event.kind == "response"] == [503, 200]
    assert len(caplog.records) == len(events)
    assert "retry GET https://api.example.com/api/v3/orders 503" in caplog.text


def test_a_call_has_a_time_of_its_own() -> None:
    server = Answers(done(), done())
    client = Client("https://api.example.com/api/v3", key=OWNER, transport=server, timeout_seconds=7)
    client.call("GET", "/orders", timeout_seconds=2)
    client.call("GET", "/orders")
    assert [request.extensions["timeout"]["read"] for request in server.asked] == [2, 7]


def test_many_orders_go_on_after_a_batch_that_fails() -> None:
    receipts = [{"id": n, "order_id": str(n), "order_number": str(n)} for n in range(100)]

    def serve() -> Lost:
        stored = (httpx.Response(200, json={"data": receipts}) for _ in range(2))
        return Lost(next(stored), refuse(400), httpx.ReadTimeout("x"), next(stored))

    told: list[Any] = []

    async def work() -> Any:
        async with AsyncClient("https://api.example.com", key=OWNER, transport=serve(), retries=0) as client:
            return await client.upsert_many(({"order_id": str(n)} for n in range(350)), on_progress=told.append)

    client = Client("https://api.example.com", key=OWNER, transport=serve(), retries=0)
    for result in (asyncio.run(work()), client.upsert_many([{"order_id": str(n)} for n in range(350)])):
        assert len(result.receipts) == 200
        assert [(failed.start, len(failed.orders)) for failed in result.errors] == [(100, 100), (200, 100)]
        assert [type(failed.error) for failed in result.errors] == [ApiError, httpx.ReadTimeout]
    assert [tuple(progress) for progress in told] == [(100, 0), (100, 100), (100, 200), (200, 200)]


def test_the_shapes_are_those_of_the_server() -> None:
    for mine, name in ((models.NewOrder, "Order"), (models.OrderItem, "OrderItem"), (models.Address, "Address")):
        theirs = getattr(schema, name)
        known = set(theirs.__annotations__) - {"id", "created_at", "modified_at"}
        assert set(mine.__annotations__) == known, name
    assert set(models.OrderDetails.__annotations__) == set(schema.OrderDetails.__annotations__)
    assert set(models.PaymentDetails.__annotations__) == set(schema.PaymentDetails.__annotations__)


def token(name: str, seconds: int = 3600) -> httpx.Response:
    return httpx.Response(200, json={"access_token": name, "token_type": "bearer", "expires_in": seconds})


def test_a_token_is_kept_and_asked_for_anew_when_it_ended() -> None:
    server = Answers(token("a"), done(), done(), refuse(401), token("b"), done(), refuse(401), token("c"), refuse(401))
    client = Client("https://api.example.com/api/v3", client=("id", "secret"), scopes=["api"], transport=server)
    for _ in range(3):
        assert dict(client.get_order(1)) == {"id": 1}
    with pytest.raises(ApiError, match="401"):
        client.get_order(1)
    asked = [request for request in server.asked if request.url.path == "/oauth2/token"]
    assert len(asked) == 3
    assert asked[0].content == b"grant_type=client_credentials&scope=api"
    sent = [request.headers["Authorization"] for request in server.asked if request not in asked]
    assert sent == ["Bearer a"] * 3 + ["Bearer b"] * 2 + ["Bearer c"]


def test_credentials_follow_no_link_to_another_host() -> None:
    link = {"Link": '<https://elsewhere.example.net/api/v3/orders?cursor=abc&page_size=1>; rel="next"'}
    server = Answers(httpx.Response(200, json={"data": [1]}, headers=link), httpx.Response(200, json={"data": [2]}))
    client = Client("https://api.example.com/api/v3", key=OWNER, transport=server)
    found: list[Any] = list(client.iterate_orders(page_size=1))
    assert found == [1, 2]
    assert [request.url.host for request in server.asked] == ["api.example.com"] * 2
    assert server.asked[1].url.params["cursor"] == "abc"


def test_it_is_told_how_to_sign_in_in_one_way() -> None:
    for credentials in ({}, {"key": OWNER, "client": OWNER}):
        with pytest.raises(ValueError, match="Give either"):
            Client("https://api.example.com", **credentials)  # type: ignore[arg-type]


def test_signatures() -> None:
    body, good = b'{"key": "value"}', "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
    assert sign(body, "secretkey") == good
    assert is_signed(body, good, "secretkey")
    assert is_signed(body, good, "the next key", "secretkey")
    assert not is_signed(body, good, "the next key", "another key")
    assert not is_signed(body, good)
    for signature in (None, "", "é", good.upper(), good[:-1]):
        assert not is_signed(body, signature, "secretkey")
    assert not is_signed(body, good, "another")


def test_nothing_of_the_server_is_loaded_with_it() -> None:
    code = "import sys, packhouse.client; print([m for m in sys.modules if m.startswith('packhouse')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    loaded = set(re.findall(r"'([\w.]+)'", told))
    assert loaded == {"packhouse", "packhouse.client"} | {
        f"packhouse.client.{name}" for name in ("calls", "exchange", "models", "runners", "signatures")
    }
