"""What changes tells of itself: a stream of server-sent events that says when a list is no longer the newest, and when
an order that is open beside it was changed elsewhere."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from packhouse import context
from packhouse.context import Context
from packhouse.kit import errors
from packhouse.kit.http.routing import Route
from packhouse.orders import counts, deletions, search
from packhouse.web.frame import rendering, watches, web_users
from packhouse.web.orders import orders

# A stream ends by itself, so that a session that was ended elsewhere is asked for anew; the browser comes back.
_LONGEST = timedelta(minutes=5)
_QUIET_LOOKS = 15
# As many as a browser has tabs; what is open in further ones is not followed.
_MOST_ORDERS = 50


async def follow_orders(request: Request) -> Response:
    """`?order=17&order=18` follows those orders too: all tabs of a browser have one stream, because a browser opens few
    to one server. Without a session there is nothing to tell: a page whose session has ended, or is just ending, asks
    again by itself, and an error would stand in its console each time."""
    try:
        web_user = await web_users.require_user(request)
    except web_users.SignInNeeded:
        return Response(status_code=204, headers=rendering.headers(request))
    headers = {**rendering.headers(request), "X-Accel-Buffering": "no"}
    open_orders = web_users.ids(request.query_params.getlist("order")[:_MOST_ORDERS], _MOST_ORDERS)
    stream = _tell(request, web_user.session.account_id, open_orders)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _tell(request: Request, account_id: int, open_orders: Sequence[int]) -> AsyncIterator[bytes]:
    """What has not changed is not told, but for a sign of life."""
    yield b"retry: 1000\n\n"
    ctx = context.of(request)
    told: watches.News = {}
    quiet = 0
    look = partial(_look, ctx, account_id)
    async with context.of(request).watches.follow(account_id, open_orders, look, ctx.stopping) as watch:
        for _ in range(int(_LONGEST.total_seconds() / watches.LOOK_SECONDS)):
            if not await watch.wait() or await request.is_disconnected():
                return
            news = {about: said for about, said in watch.about(open_orders).items() if said != told.get(about)}
            told |= news
            quiet = 0 if news else quiet + 1
            for name, value in news.values():
                yield b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(value))
            if quiet >= _QUIET_LOOKS:
                quiet = 0
                yield b": still here\n\n"


async def _look(ctx: Context, account_id: int, followed: Collection[int]) -> watches.News | None:
    """The mark of a list that is made now and the count of incoming orders; the marks of orders that are open, null for
    one that is gone. None while the database cannot be asked."""
    try:
        async with ctx.db.read() as tx:
            newest = await search.find_newest(tx, account_id)
            incoming = await counts.count_incoming(tx, account_id)
            leaving = await deletions.list_deletions(tx, account_id)
            marks = await search.find_marks(tx, account_id, followed) if followed else {}
    except errors.Unavailable:
        return None
    mark = orders.to_mark(newest, incoming, (row.id for row in leaving))
    news: watches.News = {"orders": ("orders", {"mark": mark, "incoming": incoming})}
    return news | {f"order/{id}": ("order", {"id": id, "mark": marks.get(id)}) for id in followed}


ROUTES = [
    Route("GET", "/orders/live", follow_orders),
]
