"""What `/openapi.json` says of service points."""

from typing import Any

from pydantic import TypeAdapter

from packhouse.kit.wire import openapi
from packhouse.shipping.service_points import schema
from packhouse.shipping.service_points.schema import SHOP_TYPES, WEEKDAYS

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_FLAG = {"type": "boolean"}
_COUNTRY = {"type": "string", "minLength": 2, "maxLength": 2}
_DEGREES = {"anyOf": [{"type": "number"}, openapi.NOT_SENT]}
_SHOP_TYPE = openapi.or_null({"type": "string", "enum": list(SHOP_TYPES)})
_SHIFTS = openapi.list_of(openapi.shape(start_time=_TEXT, end_time=_TEXT))
_POINT = openapi.shape(
    id=_NUMBER,
    name=_TEXT,
    carrier=openapi.shape(code=_TEXT, name=_TEXT, logo_url=openapi.or_null(_TEXT), icon_url=openapi.or_null(_TEXT)),
    carrier_service_point_id=_TEXT,
    carrier_shop_type=openapi.or_null(_TEXT),
    general_shop_type=_SHOP_TYPE,
    address=openapi.shape(street=_TEXT, house_number=_TEXT, postal_code=_TEXT, city=_TEXT, country_code=_TEXT),
    position=openapi.shape(latitude={"type": "number"}, longitude={"type": "number"}),
    contact=openapi.shape(email=_TEXT, phone=_TEXT),
    opening_times=openapi.shape(**{day: openapi.or_null(_SHIFTS) for day in WEEKDAYS}),
    is_open_tomorrow=_FLAG,
    next_open_at=openapi.or_null(openapi.TIME),
    is_expired=_FLAG,
)
_NEAR = {
    **_POINT,
    "properties": {**_POINT["properties"], "distance": openapi.or_null(_NUMBER)},
    "required": [*_POINT["required"], "distance"],
}
_GEOCODING = openapi.shape(status=_TEXT, precision=openapi.or_null(_TEXT), formatted_address=openapi.or_null(_TEXT))
_V2_POINT = openapi.shape(
    id=_NUMBER,
    code=_TEXT,
    is_active=_FLAG,
    shop_type=openapi.or_null(_TEXT),
    general_shop_type=_SHOP_TYPE,
    extra_data={"type": "object"},
    **dict.fromkeys(
        (
            "name",
            "street",
            "house_number",
            "postal_code",
            "city",
            "latitude",
            "longitude",
            "email",
            "phone",
            "homepage",
        ),
        _TEXT,
    ),
    carrier=_TEXT,
    country=_TEXT,
    formatted_opening_times=openapi.shape(**{str(day): openapi.list_of(_TEXT) for day in range(7)}),
    open_tomorrow=_FLAG,
    open_upcoming_week=_FLAG,
)
_V2_ERROR = openapi.shape(error=openapi.shape(code=_NUMBER, request=_TEXT, message=_TEXT))

_TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "country_code": (_COUNTRY, "The country's code."),
    "carrier_code": (_TEXT, "Of these carriers; repeatable."),
    "use_integration_carriers": (_FLAG, "Of the carriers that the account has contracts with."),
    "address": (_TEXT, "Near this address. It is looked for by postal code and city of the points that there are."),
    "radius": (
        {"anyOf": [{"type": "integer", "minimum": schema.MIN_RADIUS, "maximum": schema.MAX_RADIUS}, openapi.NOT_SENT]},
        "Metres around the address or the position.",
    ),
    "carrier_service_point_id": (_TEXT, "With these ids of the carrier; repeatable."),
    "general_shop_type": ({"type": "string", "enum": [*SHOP_TYPES, ""]}, "Of these kinds; repeatable."),
    "limit": (
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": schema.MAX_LIMIT}, openapi.NOT_SENT]},
        "So many at most.",
    ),
    "open_on": (
        {"anyOf": [{"type": "string", "format": "date"}, openapi.NOT_SENT]},
        "Open on this day of the week. An addition of Packhouse.",
    ),
    "country": (_COUNTRY, "The country's code."),
    "carrier": (_TEXT, "Of these carriers, separated by commas."),
    "weight": ({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1_000_000}, openapi.NOT_SENT]}, "Has no effect."),
    "access_token": (_TEXT, "The public key of an API key, instead of credentials."),
}


def _to_parameter(name: str) -> dict[str, Any]:
    kind, description = _TOLD.get(name, (_TEXT, "Equal, or part of the address."))
    if name.endswith(("latitude", "longitude")):
        kind, description = _DEGREES, "Degrees; of a position both, of a box all four."
    return openapi.query(name, kind, description, required=name in ("country_code", "country"))


_ID = openapi.path_id("The service point's id.")
_TOKEN = _to_parameter("access_token")
LIST: dict[str, Any] = {
    "parameters": [_to_parameter(name) for name in schema.PARAMETERS],
    "responses": {
        "200": openapi.answer(
            openapi.shape(data=openapi.shape(results=openapi.list_of(_NEAR), geocoding=openapi.or_null(_GEOCODING))),
            "The nearest first.",
        ),
        **openapi.refusals(400),
    },
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {"200": openapi.answer(openapi.shape(data=_POINT), "The one."), **openapi.refusals(404)},
}
CHECK: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.shape(is_available=_FLAG)), "Whether a parcel may go there."),
        **openapi.refusals(404),
    },
}
IMPORT: dict[str, Any] = {
    "parameters": [openapi.query("carrier_code", _TEXT, "The carrier of points that name none.")],
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": _TEXT} for kind in ("text/csv", "application/geo+json", "application/json")},
    },
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.shape(stored=_NUMBER, gone=_NUMBER)), "Stored."),
        **openapi.refusals(400, 413),
    },
}
REFRESH: dict[str, Any] = {
    "requestBody": openapi.body({"$ref": "#/components/schemas/ServicePointsRefresh"}),
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.shape(stored=_NUMBER, gone=_NUMBER)), "Stored."),
        **openapi.refusals(400, 413, 415),
    },
}


def _v2(status: int) -> dict[str, Any]:
    told = "A parameter is wrong." if status == 400 else "There is no such service point."
    return {str(status): {"description": told, "content": {"application/json": {"schema": _V2_ERROR}}}}


V2_LIST: dict[str, Any] = {
    "parameters": [_to_parameter(name) for name in schema.V2_PARAMETERS],
    "responses": {
        "200": openapi.answer(openapi.list_of(_V2_POINT), "The nearest first."),
        **openapi.refusals(),
        **_v2(400),
    },
}
V2_GET: dict[str, Any] = {
    "parameters": [_ID, _TOKEN],
    "responses": {"200": openapi.answer(_V2_POINT, "The one."), **openapi.refusals(), **_v2(404)},
}
V2_CHECK: dict[str, Any] = {
    "parameters": [_ID, _TOKEN],
    "responses": {
        "200": openapi.answer(_FLAG, "Whether a parcel may go there."),
        **openapi.refusals(),
        **_v2(404),
    },
}
V2_CARRIERS: dict[str, Any] = {
    "parameters": [_TOKEN],
    "responses": {
        "200": openapi.answer(openapi.list_of(_TEXT), "The carriers that have points."),
        **openapi.refusals(),
    },
}


def to_components() -> dict[str, Any]:
    adapter: TypeAdapter[Any] = schema.REFRESH
    return {"ServicePointsRefresh": adapter.json_schema()}
