"""Views of the list that people keep and take away."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.orders import saved_views
from packhouse.web.frame import rendering, web_users
from packhouse.web.orders import orders


async def save_view(request: Request) -> Response:
    """Keep the list that the form was sent from, and show it."""
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    given = {name: web_users.text(form, name) for name in form}
    query = orders.to_state(given).query()
    view = saved_views.View(_find_owner(web_user, form), web_users.text(form, "name"), query)
    ctx, session = context.of(request), web_user.session
    actor = web_user.caller.actor
    await ctx.db.write(lambda tx: saved_views.save_view(tx, session.account_id, view, actor, now=ctx.clock()))
    return rendering.redirect(request, f"/orders{query}")


async def delete_view(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    owner, name = _find_owner(web_user, form), web_users.text(form, "name")
    ctx, account_id = context.of(request), web_user.session.account_id
    await ctx.db.write(lambda tx: saved_views.delete_view(tx, account_id, owner, name))
    return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/orders"))


def _find_owner(web_user: web_users.WebUser, form: FormData) -> str:
    """Raises Forbidden where somebody who only reads would change what everybody sees."""
    if not web_users.text(form, "shared"):
        return web_user.caller.actor
    if not web_user.may_write:
        detail = message("Your role does not allow this.")
        raise errors.Forbidden(errors.ErrorItem("forbidden", detail))
    return saved_views.EVERYBODY


ROUTES = [
    Route("POST", "/orders/views", save_view),
    Route("POST", "/orders/views/delete", delete_view),
]
