"""Documents on the wire: those of one parcel, or of several in one file."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.shipping import announce, openapi, printing, queries, schema, wire
from packhouse.shipping.api import SCOPE
from packhouse.shipping.schema import ZPL


async def get_document(request: Request) -> Response:
    """A parcel's label or customs papers, in the format that `Accept` asks for."""
    caller = await auth.caller(request)
    id = http.to_id(request, queries.no_such_parcel())
    kinds = _to_kinds(request)
    asked = schema.read_print_request(request.query_params.multi_items(), request.headers.get("accept"))
    rows, contents = await _read_contents(request, caller.account_id, [id], kinds)
    if len(rows) == 1 and asked.paper_size is None:
        body = await printing.render(contents[0], rows[0].mime_type, asked.label)
    else:
        body = await printing.merge(rows, contents, asked.label, asked.paper_size)
    return _to_response(body, asked.label.mime_type, f"{request.path_params['type']}-{id}")


async def get_documents(request: Request) -> Response:
    """The labels or customs papers of up to 20 parcels in one file; of labels, up to four are on a sheet of A4. As ZPL
    they follow each other, since a printer of labels has no sheets."""
    caller = await auth.caller(request)
    kinds = _to_kinds(request)
    asked = schema.read_print_request(request.query_params.multi_items(), request.headers.get("accept"), is_bulk=True)
    rows, contents = await _read_contents(request, caller.account_id, asked.parcels, kinds)
    paper_size = asked.paper_size or (None if asked.label.mime_type == ZPL else "A4")
    body = await printing.merge(rows, contents, asked.label, paper_size)
    return _to_response(body, asked.label.mime_type, request.path_params["type"])


def _to_kinds(request: Request) -> Sequence[str]:
    return errors.require(wire.KINDS_OF_TYPE.get(request.path_params["type"]), queries.no_such_document())


async def _read_contents(
    request: Request, account_id: int, parcel_ids: Sequence[int], kinds: Sequence[str]
) -> tuple[list[Any], list[bytes]]:
    """Return the contents in the requested order. Raises NotFound for a parcel that has none of them."""
    async with context.of(request).db.read() as tx:
        found = await queries.find_contents(tx, account_id, parcel_ids, kinds)
    place = {id: index for index, id in enumerate(parcel_ids)}
    if {row.parcel_id for row in found} != set(parcel_ids):
        raise errors.NotFound(queries.no_such_document())
    rows = sorted(found, key=lambda row: (place[row.parcel_id], kinds.index(row.kind)))
    return rows, [await announce.read_content(context.of(request), account_id, row) for row in rows]


def _to_response(body: bytes, mime_type: str, name: str) -> Response:
    extension = {"application/pdf": "pdf", "image/png": "png"}.get(mime_type, "zpl")
    headers = {"Content-Disposition": f'inline; filename="{name}.{extension}"', "Vary": "Accept"}
    return Response(body, headers=headers, media_type=mime_type)


ROUTES = [
    Route("GET", "/api/v3/parcels/{id}/documents/{type}", get_document, openapi.DOCUMENT, tag="Shipping", scope=SCOPE),
    Route("GET", "/api/v3/parcel-documents/{type}", get_documents, openapi.BULK, tag="Shipping", scope=SCOPE),
]
