"""What a client may ask about its own account."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import audit, auth, openapi
from packhouse.accounts.schema import ALL
from packhouse.kit import http, pagination

extensions = APIRouter(prefix="/api/packhouse", tags=["Account"], default_response_class=Response)


@extensions.get("/audit-log", openapi_extra=openapi.AUDIT_LOG)
async def list_audit_log(request: Request) -> Response:
    """Who signed in, and who changed keys, clients and users; newest first."""
    caller = await auth.caller(request, scope=ALL)
    size = http.read_page_size(request, audit.MAX_PAGE, audit.DEFAULT_PAGE)
    cursor = pagination.decode(http.read_cursor(request))
    async with http.house(request).db.read() as tx:
        page = await audit.list_entries(tx, caller.account_id, cursor, size)
    return http.json_response(
        {"data": [audit.to_wire(row) for row in page.rows]}, headers=http.page_links(request, page)
    )
