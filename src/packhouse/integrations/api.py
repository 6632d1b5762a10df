"""What a client may ask about the shops of its account."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.integrations import queries
from packhouse.kit import http

router = APIRouter(prefix="/api/v3")


@router.get("/user/auth/metadata", tags=["Account"], summary="Who is calling")
async def get_metadata(request: Request) -> Response:
    caller = await auth.caller(request)
    async with http.house(request).db.read() as tx:
        integration_id = await queries.find_first(tx, caller.account_id)
    return http.json_response({"data": {"integration_id": integration_id, "account_id": caller.account_id}})
