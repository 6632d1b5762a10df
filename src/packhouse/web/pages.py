"""All pages, and what a person sees when one is refused."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.web import start
from packhouse.web.account import my_account, reset_password, sign_in, two_factors
from packhouse.web.frame import assets, rendering, web_users
from packhouse.web.labels import bulk_form, labels, prices, returns, shipping
from packhouse.web.orders import deletions, exports, imports, live, many, mappings, order, orders, views
from packhouse.web.pack import batches, bins, pack
from packhouse.web.settings import (
    settings_audit,
    settings_benches,
    settings_deliveries,
    settings_integrations,
    settings_keys,
    settings_options,
    settings_privacy,
    settings_rates,
    settings_rules,
    settings_senders,
    settings_slips,
    settings_users,
    settings_webhooks,
)

_SETTINGS = (
    settings_integrations,
    settings_keys,
    settings_users,
    settings_senders,
    settings_slips,
    settings_options,
    settings_rates,
    settings_rules,
    settings_benches,
    settings_webhooks,
    settings_deliveries,
    settings_audit,
    settings_privacy,
)


async def show_start(request: Request) -> Response:
    if not is_for_people(request):
        raise HTTPException(404)
    return await start.show_start(request)


def is_for_people(request: Request) -> bool:
    """Programs get the error list of the API, people a page."""
    asked = request.headers
    is_page = "text/html" in asked.get("accept", "") or asked.get("hx-request") == "true"
    return is_page and not request.scope["path"].startswith("/api/")


async def refuse(request: Request, error: Exception) -> Response:
    """Any exception as a page. What the API's door logs of it is logged there too."""
    if isinstance(error, web_users.SignInNeeded):
        return rendering.redirect(request, web_users.to_sign_in(error.then))
    if isinstance(error, web_users.SetUpNeeded):
        return rendering.redirect(request, web_users.to_set_up(error.then))
    answer = http.to_response(request, error)
    faults = error.faults if isinstance(error, errors.ApiError) else []
    web_user = None
    if answer.status_code < 500:
        web_user = await web_users.find_user(request)
    shown = {
        "code": answer.status_code,
        "faults": [] if isinstance(error, HTTPException) else faults,
        "request_id": http.request_info(request).request_id,
    }
    page = rendering.render(request, "error.html", web_user, status=answer.status_code, **shown)
    if "retry-after" in answer.headers:
        page.headers["Retry-After"] = answer.headers["retry-after"]
    return page


_PAGES = (
    assets,
    sign_in,
    reset_password,
    my_account,
    two_factors,
    live,
    shipping,
    returns,
    bulk_form,
    prices,
    labels,
    mappings,
    imports,
    deletions,
    exports,
    many,
    views,
    orders,
    order,
    pack,
    batches,
    bins,
    *_SETTINGS,
)

ROUTES = [
    Route("GET", "/", show_start),
    *(route for page in _PAGES for route in page.ROUTES),
]
