"""The way of a request through the sandbox: matched with the faults, answered by the application, noted down."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from packhouse.kit import clock, errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.wire import pagination
from packhouse.orders import queries as orders
from packhouse.sandbox import journal, notes, strict
from packhouse.sandbox.faults import Asked, Then, to_body, to_headers
from packhouse.sandbox.journal import Entry
from packhouse.sandbox.world import World
from packhouse.shipping.setup import setup

ABORT, CLOSE = "packhouse.abort", "packhouse.close"
"""Where the protocol (`sandbox.server`) says how the connection of a request is ended: at once, or once all that was
written is sent."""

_PAGES = ("/assets/", "/docs", "/health", "/metrics", "/openapi.json", "/favicon.ico", "/sign-in", "/sign-out")
_LIST = "/api/v3/orders"
_NO_FAULT: Then = {}


def is_recorded(scope: Scope) -> bool:
    """Whether a program asks: what people see in their browser is not recorded."""
    path: str = scope["path"]
    if path.startswith(("/api/", "/oauth2/")):
        return True
    return not is_page(scope) and path != "/" and not path.startswith(_PAGES)


def is_page(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "text/html" in headers.get("accept", "") or "cookie" in headers


class Answer(NamedTuple):
    """An answer that is kept until it is known what becomes of it."""

    start: Message
    body: bytes


class _Exchange:
    """One request: what went in and what came out is copied on its way."""

    def __init__(self, world: World, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.entry = Entry(
            id=0,
            at=clock.to_wire(world.clock()),
            account=world.name,
            method=scope["method"],
            path=scope["path"],
            query=scope.get("query_string", b"").decode("latin-1"),
            request_headers=journal.to_headers(scope["headers"]),
        )
        self._is_read = False
        self._kept: bytes | None = None

    async def receive(self) -> Message:
        if self._kept is not None:
            body, self._kept = self._kept, None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._receive()
        if message["type"] == "http.request":
            self.entry.request_body.add(message.get("body", b""))
            self._is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.entry.status = self.entry.answered = message["status"]
            self.entry.response_headers = journal.to_headers(message["headers"])
        else:
            self.entry.response_body.add(message.get("body", b""))
        await self._send(message)

    async def read_rest(self) -> None:
        """What nobody else reads is read for the journal; of a body without end as much as it keeps."""
        while not self._is_read and self.entry.request_body.is_whole:
            if (await self.receive())["type"] != "http.request":
                return

    async def read_ahead(self) -> bytes:
        """Return the whole body, which the application can still read."""
        parts = bytearray()
        while not self._is_read:
            message = await self.receive()
            if message["type"] != "http.request":
                break
            parts += message.get("body", b"")
        self._kept = bytes(parts)
        return self._kept

    async def answer(self, answer: Answer, size: int | None = None) -> None:
        """Send a kept answer; of one that is cut off the first `size` bytes of its body."""
        await self.send(answer.start)
        body = answer.body if size is None else answer.body[:size]
        await self.send({"type": "http.response.body", "body": body, "more_body": size is not None})
        if size is not None:
            await self.hang_up(CLOSE)

    async def hang_up(self, how: str = ABORT) -> None:
        """End the connection without an answer, or without the rest of one. Raises ConnectionResetError where there is
        no connection, as in a test that calls the application."""
        end = self.scope.get(how)
        if end is None:
            raise ConnectionResetError("The sandbox dropped the connection.")
        end()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def handle(world: World, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request to the account's application as its faults will have it."""
    exchange = _Exchange(world, scope, receive, send)
    entry, began = exchange.entry, time.perf_counter()
    try:
        entry.fault, then = _choose_fault(world, exchange)
        await _answer(world, exchange, then)
    except errors.Invalid as refusal:
        response = http.json_response(refusal.to_wire(), status=refusal.status)
        await response(scope, exchange.receive, exchange.send)
    finally:
        entry.milliseconds = (time.perf_counter() - began) * 1_000
        _complete(entry, scope, world.ctx.settings.profile)
        world.journal.add(entry)


def _choose_fault(world: World, exchange: _Exchange) -> tuple[str | None, Then]:
    """Raises Invalid for a header that names no fault."""
    entry, scope = exchange.entry, exchange.scope
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    asked = Asked(entry.method, entry.path, find_route(world, scope), headers, world.name)
    return world.faults.choose(asked) or (None, _NO_FAULT)


def find_route(world: World, scope: Scope) -> str:
    """The path of the request as its route is written."""
    found = world.find_route(scope["method"], scope["path"].rstrip("/") or "/")
    return "unmatched" if found is None else found.label


async def _answer(world: World, exchange: _Exchange, then: Then) -> None:
    if "delay_ms" in then or "delay_jitter" in then:
        await asyncio.sleep(world.faults.count(then.get("delay_ms", 0), then.get("delay_jitter", 0)))
    if then.get("drop") == "before":
        await exchange.read_rest()
        await exchange.hang_up()
    elif "status" in then:
        await exchange.read_rest()
        await exchange.answer(_to_answer(then))
    elif (refusal := await _find_refusal(world, exchange)) is not None:
        await exchange.answer(refusal)
    elif then or world.hidden or notes.makes_labels(exchange.entry):
        await _answer_changed(world, exchange, then)
    else:
        async with world.gate.passing():
            await world.server(exchange.scope, exchange.receive, exchange.send)


async def _find_refusal(world: World, exchange: _Exchange) -> Answer | None:
    """The answer of strict mode to what it rejects; None where it is off or has nothing to say."""
    route = world.find_route(exchange.scope["method"], exchange.scope["path"].rstrip("/") or "/")
    if route is None or not strict.is_wanted(exchange.scope["headers"], otherwise=world.is_strict):
        return None
    refusal = strict.find_refusal(route, exchange.entry.query, await exchange.read_ahead())
    if refusal is None:
        return None
    response = http.json_response(refusal.to_wire(), status=refusal.status)
    start = {"type": "http.response.start", "status": refusal.status, "headers": response.raw_headers}
    exchange.entry.notes.append(journal.Note("strict", "Rejected by strict mode: nothing was done."))
    return Answer(start, bytes(response.body))


def _to_answer(then: Then) -> Answer:
    body = to_body(then)
    response = http.JsonResponse(body, then.get("status", 500), to_headers(then))
    return Answer(
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}, body
    )


async def _answer_changed(world: World, exchange: _Exchange, then: Then) -> None:
    """What Packhouse does is done; its answer gets lost, gets out in part, or leaves out what is not to be seen yet."""
    newest = await _find_newest(world) if "hidden_seconds" in then else 0
    answer = await _keep_answer(world, exchange)
    exchange.entry.answered = answer.start["status"]
    if notes.makes_labels(exchange.entry):
        exchange.entry.notes += await _find_choices(world, exchange.entry, answer)
    if "hidden_seconds" in then:
        await _hide_new(world, answer, timedelta(seconds=then["hidden_seconds"]), newest)
    if then.get("drop") == "after":
        await exchange.hang_up()
    elif "truncate" in then:
        await exchange.answer(answer, then["truncate"])
    else:
        await exchange.answer(_without_hidden(world, exchange.entry, answer))


async def _find_choices(world: World, entry: Entry, answer: Answer) -> Sequence[journal.Note]:
    sent, told = entry.request_body.to_value(), journal.Body(answer.body).to_value()
    async with world.gate.passing():
        found = await setup.read_setup(world.ctx.db, world.access.account_id, now=world.clock())
        async with world.ctx.db.read() as tx:
            return await notes.find_choices(tx, world.access.account_id, found, sent, told)


async def _keep_answer(world: World, exchange: _Exchange) -> Answer:
    start: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    async with world.gate.passing():
        await world.server(exchange.scope, exchange.receive, keep)
    return Answer(start, bytes(body))


async def _find_newest(world: World) -> int:
    """The highest id of an order."""
    async with world.ctx.db.read() as tx:
        page = await orders.list_orders(tx, world.access.account_id, {}, "-pk", pagination.decode(None), 1)
    return next((row.id for row in page.rows), 0)


async def _hide_new(world: World, answer: Answer, span: timedelta, newest: int) -> None:
    """Remember the orders that this request has made: those after the newest one before it."""
    for receipt in _read_data(answer.body):
        if int(receipt.get("id", 0)) > newest:
            world.hidden[int(receipt["id"])] = world.clock() + span


def _read_data(body: bytes) -> list[dict[str, Any]]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    data = value.get("data") if isinstance(value, Mapping) else None
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []


def _without_hidden(world: World, entry: Entry, answer: Answer) -> Answer:
    """A list of orders without those that cannot be seen yet."""
    now = world.clock()
    for id in [id for id, visible_at in world.hidden.items() if visible_at <= now]:
        del world.hidden[id]
    is_list = entry.method == "GET" and entry.path.rstrip("/") == _LIST and answer.start["status"] == 200
    if not world.hidden or not is_list:
        return answer
    listed = _read_data(answer.body)
    shown = [order for order in listed if int(order["id"]) not in world.hidden]
    if len(shown) < len(listed):
        entry.notes.append(journal.Note("hidden", f"{len(listed) - len(shown)} new orders are not listed yet."))
    body = orjson.dumps({**orjson.loads(answer.body), "data": shown})
    headers = [(name, value) for name, value in answer.start["headers"] if name.lower() != b"content-length"]
    return Answer({**answer.start, "headers": [*headers, (b"content-length", b"%d" % len(body))]}, body)


def _complete(entry: Entry, scope: Scope, profile: str) -> None:
    """Add what is known once the request is done."""
    info = scope.get("packhouse.request_info")
    if info is not None:
        entry.route, entry.request_id = info.route, info.request_id
    route: Route | None = scope.get("packhouse.route")
    entry.notes += notes.find_notes(entry, route, profile)
    for body in (entry.request_body, entry.response_body):
        body.content = journal.hide_secrets(body.content) if body.is_whole else body.content
