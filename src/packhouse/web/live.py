"""New orders tell of themselves: a stream of server-sent events that says when a list is no longer the newest."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from packhouse.kit import errors, http
from packhouse.orders import deletions, search
from packhouse.web import orders, rendering, visitors

router = APIRouter(include_in_schema=False)

_LOOK_SECONDS = 1.0
# A stream ends by itself, so that a session that was ended elsewhere is asked for anew; the browser comes back.
_LONGEST = timedelta(minutes=5)
_QUIET_LOOKS = 15


@router.get("/orders/live")
async def follow_orders(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    headers = {**rendering.headers(request), "X-Accel-Buffering": "no"}
    stream = _tell(request, visitor.session.account_id)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _tell(request: Request, account_id: int) -> AsyncIterator[bytes]:
    """One look at an index a second; what has not changed is not told, but for a sign of life."""
    yield b"retry: 1000\n\n"
    last: tuple[str, str] | None = None
    quiet = 0
    for _ in range(int(_LONGEST.total_seconds() / _LOOK_SECONDS)):
        if await request.is_disconnected():
            return
        now = await _look(request, account_id)
        quiet += 1
        if now is not None and now != last:
            last, quiet = now, 0
            told = {"mark": now[0], "incoming": now[1]}
            yield b"event: orders\ndata: " + orjson.dumps(told) + b"\n\n"
        elif quiet >= _QUIET_LOOKS:
            quiet = 0
            yield b": still here\n\n"
        await asyncio.sleep(_LOOK_SECONDS)


async def _look(request: Request, account_id: int) -> tuple[str, str] | None:
    """The mark of a list that is made now, and the count of incoming orders."""
    try:
        async with http.house(request).db.read() as tx:
            newest = await search.find_newest(tx, account_id)
            incoming = await search.count_incoming(tx, account_id, orders.MOST_COUNTED + 1)
            leaving = await deletions.list_deletions(tx, account_id)
        return orders.to_mark(newest, incoming, (row.id for row in leaving)), orders.to_count(incoming)
    except errors.Unavailable:
        return None
