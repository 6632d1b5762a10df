"""What changes tells of itself: a stream of server-sent events that says when a list is no longer the newest, and when
the order that is open beside it was changed elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from packhouse.kit import errors, http
from packhouse.orders import deletions, search
from packhouse.web import forms, orders, rendering, visitors

router = APIRouter(include_in_schema=False)

_LOOK_SECONDS = 1.0
# A stream ends by itself, so that a session that was ended elsewhere is asked for anew; the browser comes back.
_LONGEST = timedelta(minutes=5)
_QUIET_LOOKS = 15

# By the name of the event.
_Told = dict[str, dict[str, Any]]


@router.get("/orders/live")
async def follow_orders(request: Request) -> Response:
    """`?order=17` follows that order too: a page has one stream, because a browser opens few to one server."""
    visitor = await visitors.visitor(request)
    headers = {**rendering.headers(request), "X-Accel-Buffering": "no"}
    open_order = forms.read_id(request.query_params.get("order", ""))
    stream = _tell(request, visitor.session.account_id, open_order)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _tell(request: Request, account_id: int, open_order: int | None) -> AsyncIterator[bytes]:
    """One look at an index a second; what has not changed is not told, but for a sign of life."""
    yield b"retry: 1000\n\n"
    told: _Told = {}
    quiet = 0
    for _ in range(int(_LONGEST.total_seconds() / _LOOK_SECONDS)):
        if await request.is_disconnected():
            return
        news = {
            name: value
            for name, value in (await _look(request, account_id, open_order)).items()
            if value != told.get(name)
        }
        told |= news
        quiet = 0 if news else quiet + 1
        for name, value in news.items():
            yield b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(value))
        if quiet >= _QUIET_LOOKS:
            quiet = 0
            yield b": still here\n\n"
        if await _is_stopping(request):
            return


async def _is_stopping(request: Request) -> bool:
    """After a moment, or as soon as the server is told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            await http.house(request).stopping.wait()
    return http.house(request).stopping.is_set()


async def _look(request: Request, account_id: int, open_order: int | None) -> _Told:
    """The mark of a list that is made now and the count of incoming orders; the mark of the order that is open, null
    where it is gone."""
    try:
        async with http.house(request).db.read() as tx:
            newest = await search.find_newest(tx, account_id)
            incoming = await search.count_incoming(tx, account_id, orders.MOST_COUNTED + 1)
            leaving = await deletions.list_deletions(tx, account_id)
            opened = await search.find_mark(tx, account_id, open_order) if open_order else None
    except errors.Unavailable:
        return {}
    mark = orders.to_mark(newest, incoming, (row.id for row in leaving))
    told: _Told = {"orders": {"mark": mark, "incoming": orders.to_count(incoming)}}
    return {**told, "order": {"id": open_order, "mark": opened}} if open_order else told
