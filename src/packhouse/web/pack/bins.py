"""Where articles lie: bins by SKU, from a file."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.packing_station import bins
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Outcome

SCOPE = "write:parcel"
_PLACE = "/pack/bins"
_FORM = "file"
_SHOWN = 200
_MOST_BYTES = 10_000_000


async def show_bins(request: Request) -> Response:
    return await _show(request, await web_users.require_user(request, scope=SCOPE))


async def _show(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    account_id, sought = web_user.session.account_id, request.query_params.get("sku", "")[: bins.MAX_SKU]
    async with context.of(request).db.read() as tx:
        rows = await bins.list_bins(tx, account_id, sought.replace("\0", ""), _SHOWN)
        total = await bins.count_bins(tx, account_id)
    values: dict[str, Any] = {"rows": rows, "total": total, "sought": sought, "shown": _SHOWN, "section": "pack"}
    return forms.render(request, "pack_bins.html", web_user, outcome, property=bins.PROPERTY, **values)


async def store_bins(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token, most=_MOST_BYTES)
    ctx, account_id = context.of(request), web_user.session.account_id
    file, replaces = form.get("file"), bool(web_users.text(form, "replaces"))
    try:
        if not isinstance(file, UploadFile):
            raise forms.refuse("file", message("Choose a file."))
        found = bins.read_file(await file.read())
        await ctx.db.write(lambda tx: bins.store_bins(tx, account_id, found, replaces=replaces))
    except errors.Invalid as refusal:
        return await _show(request, web_user, Outcome(forms.to_typed(_FORM, form, refusal.faults), status=422))
    finally:
        await form.close()
    return rendering.redirect(request, _PLACE)


async def export_bins(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    async with context.of(request).db.read() as tx:
        rows = await bins.list_bins(tx, web_user.session.account_id, "", bins.MAX_ROWS)
    headers = {**rendering.headers(request), "Content-Disposition": 'attachment; filename="bins.csv"'}
    return Response(bins.write_file(rows), media_type="text/csv; charset=utf-8", headers=headers)


ROUTES = [
    Route("GET", _PLACE, show_bins),
    Route("POST", _PLACE, store_bins),
    Route("GET", f"{_PLACE}/file", export_bins),
]
