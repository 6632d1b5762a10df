"""Deleting orders, and taking that back."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.orders import deletions, search
from packhouse.web.frame import rendering, web_users

_SCOPE = "write:order"
_MOST = 200
_TOO_LATE = message("Too late: not all of these orders are there any more.")


async def delete_orders(request: Request) -> Response:
    """A page that asks first, unless the page's script has said that it shows how to undo it."""
    web_user = await web_users.require_user(request, scope=_SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), _MOST)
    then = web_users.to_local(web_users.text(form, "then") or "/orders")
    ctx, account_id = context.of(request), web_user.session.account_id
    if not web_users.text(form, "confirmed"):
        async with ctx.db.read() as tx:
            found = await search.find_stored(tx, account_id, ids)
        if not found:
            raise HTTPException(404)
        return rendering.render(request, "delete.html", web_user, section="orders", found=found, then=then)
    await ctx.db.write(lambda tx: deletions.request_deletion(tx, web_user.caller, ids, now=ctx.clock()))
    return rendering.redirect(request, then)


async def undo_deletion(request: Request) -> Response:
    """Raises Conflict where some are gone: the others are kept all the same."""
    web_user = await web_users.require_user(request, scope=_SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), _MOST)
    gone = await context.of(request).db.write(lambda tx: deletions.undo_deletion(tx, web_user.session.account_id, ids))
    if gone:
        raise errors.Conflict(errors.ErrorItem("conflict", _TOO_LATE))
    return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/orders"))


async def forget_kept(request: Request) -> Response:
    """Who asked has read which orders were kept."""
    web_user = await web_users.require_user(request, scope=_SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), _MOST)
    await context.of(request).db.write(
        lambda tx: deletions.forget_kept(tx, web_user.session.account_id, web_user.caller.actor, ids)
    )
    return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/orders"))


ROUTES = [
    Route("POST", "/orders/delete", delete_orders),
    Route("POST", "/orders/delete/undo", undo_deletion),
    Route("POST", "/orders/delete/read", forget_kept),
]
