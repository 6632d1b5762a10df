"""Deleting orders, and taking that back."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse.kit import errors, http
from packhouse.kit.messages import message
from packhouse.orders import deletions, search
from packhouse.web import rendering, visitors

router = APIRouter(include_in_schema=False)

_SCOPE = "write:order"
_MOST = 200
_TOO_LATE = message("Too late: not all of these orders are there any more.")


@router.post("/orders/delete")
async def delete_orders(request: Request) -> Response:
    """A page that asks first, unless the page's script has said that it shows how to undo it."""
    visitor = await visitors.visitor(request, scope=_SCOPE)
    form = await visitors.read_form(request, visitor.token)
    ids = visitors.ids(visitors.texts(form, "id"), _MOST)
    then = visitors.to_local(visitors.text(form, "then") or "/orders")
    house, account_id = http.house(request), visitor.session.account_id
    if not visitors.text(form, "confirmed"):
        async with house.db.read() as tx:
            found = await search.find_stored(tx, account_id, ids)
        if not found:
            raise HTTPException(404)
        return rendering.render(request, "delete.html", visitor, section="orders", found=found, then=then)
    async with house.db.write() as tx:
        await deletions.request_deletion(house.db, tx, visitor.caller, ids, now=house.clock())
    return rendering.redirect(request, then)


@router.post("/orders/delete/undo")
async def undo_deletion(request: Request) -> Response:
    """Raises Conflict where some are gone: the others are kept all the same."""
    visitor = await visitors.visitor(request, scope=_SCOPE)
    form = await visitors.read_form(request, visitor.token)
    ids = visitors.ids(visitors.texts(form, "id"), _MOST)
    async with http.house(request).db.write() as tx:
        gone = await deletions.undo_deletion(tx, visitor.session.account_id, ids)
    if gone:
        raise errors.Conflict(errors.Fault("conflict", _TOO_LATE))
    return rendering.redirect(request, visitors.to_local(visitors.text(form, "then") or "/orders"))


@router.post("/orders/delete/read")
async def forget_kept(request: Request) -> Response:
    """Who asked has read which orders were kept."""
    visitor = await visitors.visitor(request, scope=_SCOPE)
    form = await visitors.read_form(request, visitor.token)
    ids = visitors.ids(visitors.texts(form, "id"), _MOST)
    async with http.house(request).db.write() as tx:
        await deletions.forget_kept(tx, visitor.session.account_id, visitor.caller.actor, ids)
    return rendering.redirect(request, visitors.to_local(visitors.text(form, "then") or "/orders"))
