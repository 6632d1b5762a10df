"""What `/openapi.json` says of the shipping routes."""

from typing import Any

from pydantic import TypeAdapter

from packhouse.kit.wire import openapi
from packhouse.shipping import contract_schema, option_filters, schema
from packhouse.shipping.setup import setup_schema
from packhouse.shipping.setup.setup_schema import CONTRACT, KINDS, RULE, SENDER, SETTINGS, Kind

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_FREE = {"type": "object", "additionalProperties": True}


def _named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_WARNING = openapi.shape(code=_TEXT, detail=_TEXT, source=openapi.shape(pointer=_TEXT))
_META = {"type": "object", "properties": {"warnings": openapi.list_of(_WARNING)}}
SHIP_WITH = openapi.shape(
    type={"type": "string", "enum": ["shipping_option_code"]},
    properties=openapi.shape(shipping_option_code=_TEXT, contract_id=_NUMBER),
)
_DOCUMENT = openapi.shape(
    document_type={"type": "string", "enum": list(schema.DOCUMENT_TYPES)},
    type=_TEXT,
    size={"type": "string", "enum": ["a6", "a4"]},
    link={"type": "string", "format": "uri"},
)
_FILE = openapi.shape(
    file={"type": "string", "format": "byte"},
    mime_type={"type": "string", "enum": list(schema.MIME_TYPES)},
    dpi=_NUMBER,
)
_RECEIPT = {
    "shipment_id": _TEXT,
    "order_id": _TEXT,
    "order_number": _TEXT,
    "ship_with": SHIP_WITH,
    "parcel_id": _NUMBER,
}
_SYNC_LABEL = openapi.shape(
    **_RECEIPT,
    documents=openapi.list_of(_DOCUMENT),
    tracking_number=_TEXT,
)
_SYNC_LABEL["properties"] |= {"tracking_url": _TEXT, "label_details": _FILE, "label": _FILE}
_STATUS = openapi.shape(code=_TEXT, message=_TEXT)

_PARCEL = openapi.shape(
    id=_NUMBER,
    status=_STATUS,
    created_at=openapi.TIME,
    updated_at=openapi.TIME,
    announced_at=openapi.or_null(openapi.TIME),
    weight=openapi.shape(value=_TEXT, unit=_TEXT),
    parcel_items=openapi.list_of(_FREE),
    documents=openapi.list_of(_DOCUMENT),
    tracking_number=_TEXT,
    tracking_url=openapi.or_null(_TEXT),
)
_SHIPMENT = openapi.shape(
    id=_TEXT,
    from_address=_FREE,
    to_address=_FREE,
    ship_with=SHIP_WITH,
    carrier=openapi.shape(code=_TEXT, name=_TEXT),
    order_number=_TEXT,
    errors=openapi.list_of(_FREE),
    parcels=openapi.list_of(_named("Parcel")),
)

_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "The shipment's id.",
}
PARCEL_ID = openapi.path_id("The parcel's id.")
_ASYNC_ANSWER = {
    "type": "object",
    "properties": {
        "data": openapi.list_of(openapi.shape(**_RECEIPT, parcels_ids=openapi.list_of(_NUMBER))),
        "errors": openapi.list_of(_FREE),
        "meta": _META,
    },
    "required": ["data"],
}

SYNC: dict[str, Any] = {
    "parameters": [openapi.PARTNER],
    "requestBody": openapi.body(_named("SyncCall")),
    "responses": {
        "201": openapi.answer({**openapi.shape(data=_SYNC_LABEL)}, "The label."),
        **openapi.refusals(400, 404, 413, 415),
    },
}
ASYNC: dict[str, Any] = {
    "parameters": [openapi.PARTNER],
    "requestBody": openapi.body(_named("AsyncCall")),
    "responses": {
        "202": openapi.answer(_ASYNC_ANSWER, "Accepted; what failed is in `errors`."),
        **openapi.refusals(400, 404, 413, 415),
    },
}
_TIMES = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, openapi.NOT_SENT]}
LIST: dict[str, Any] = {
    "parameters": [
        *(openapi.query(name, _TEXT, "Equal.") for name in schema.TEXT_FILTERS),
        openapi.query("integration_id", {"type": "string", "pattern": r"^([0-9]{1,18})?$"}, "An integration's id."),
        *(openapi.query(name, _TIMES, "A day in UTC or an instant, included.") for name in schema.TIME_FILTERS),
        *(openapi.query(name, _TEXT, "Ids of shipments, separated by commas.") for name in schema.ID_FILTERS),
        *openapi.paging(schema.MAX_PAGE, schema.DEFAULT_PAGE),
    ],
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_named("Shipment"))), "A page.", openapi.LINK),
        **openapi.refusals(400, 404),
    },
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(openapi.shape(data=_named("Shipment")), "The shipment."),
        **openapi.refusals(404),
    },
}
_CANCELLATION = openapi.shape(data=openapi.shape(status=_TEXT, message=_TEXT))
CANCEL: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(_CANCELLATION, "Cancelled."),
        "202": openapi.answer(_CANCELLATION, "Will be cancelled."),
        **openapi.refusals(404, 409),
    },
}
CANCEL_PARCEL: dict[str, Any] = {**CANCEL, "parameters": [PARCEL_ID]}
STATUSES: dict[str, Any] = {
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_STATUS)), "All of them."),
        **openapi.refusals(),
    }
}
CONFIRM: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(openapi.shape(data=_named("Shipment")), "As it is now."),
        **openapi.refusals(404),
    },
}
TRACK: dict[str, Any] = {
    "parameters": [PARCEL_ID],
    "requestBody": openapi.body(_named("Tracked")),
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.shape(id=_NUMBER, status=_STATUS)), "The new status."),
        **openapi.refusals(400, 404, 409, 413, 415),
    },
}
_TYPE = {
    "name": "type",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": list(schema.DOCUMENT_TYPES)},
    "description": "Which documents.",
}
_PAPER = openapi.query("paper_size", {"type": "string", "enum": list(schema.PAPER_SIZES)}, "The paper to print on.")
_DPI = openapi.query("dpi", {"type": "integer", "enum": [72, 150, 203, 300, 600]}, "Of PNG: 150, 203 or 300.")
_FILES = {mime_type: {"schema": {"type": "string", "format": "binary"}} for mime_type in schema.MIME_TYPES}
DOCUMENT: dict[str, Any] = {
    "parameters": [
        PARCEL_ID,
        _TYPE,
        _DPI,
        _PAPER,
    ],
    "responses": {
        "200": {"description": "The document.", "headers": openapi.HEADERS, "content": _FILES},
        **openapi.refusals(400, 404),
    },
}
BULK: dict[str, Any] = {
    "parameters": [
        _TYPE,
        openapi.query(
            "parcels",
            {
                **openapi.list_of({"type": "integer", "minimum": 1, "maximum": 10**18 - 1}),
                "minItems": 1,
                "maxItems": schema.MAX_BULK,
            },
            "Ids of parcels.",
            required=True,
        ),
        _DPI,
        _PAPER,
    ],
    "responses": {
        "200": {
            "description": "All of them in one file.",
            "headers": openapi.HEADERS,
            "content": _FILES,
        },
        **openapi.refusals(400, 404),
    },
}

_CARRIER = openapi.shape(code=_TEXT, name=_TEXT)
_FLAG = {"type": "boolean"}
_CONTRACT = openapi.shape(
    id=_NUMBER,
    name=_TEXT,
    client_id=_TEXT,
    carrier_code=_TEXT,
    carrier=_CARRIER,
    country_code=_TEXT,
    is_active=_FLAG,
    is_default_per_carrier=_FLAG,
    state={"type": "string", "enum": ["active", "inactive"]},
    type=_TEXT,
    error=openapi.or_null(_TEXT),
)
_AMOUNT = openapi.shape(value=_TEXT, unit=_TEXT)
_OPTION = openapi.shape(
    code=_TEXT,
    name=_TEXT,
    carrier=_CARRIER,
    product=openapi.shape(code=_TEXT, name=_TEXT),
    contract=openapi.shape(
        id=_NUMBER, client_id=openapi.or_null(_TEXT), carrier_code=_TEXT, name=openapi.or_null(_TEXT)
    ),
    functionalities=_FREE,
    countries=openapi.or_null(openapi.list_of(_TEXT)),
    weight=openapi.shape(min=_AMOUNT, max=_AMOUNT),
    max_dimensions=openapi.shape(length=_TEXT, width=_TEXT, height=_TEXT, unit=_TEXT),
    parcel_billed_weights=openapi.list_of(_FREE),
    requirements=openapi.shape(fields=openapi.list_of(_TEXT), export_documents=_FLAG, is_service_point_required=_FLAG),
    charging_type=_TEXT,
    quotes=openapi.or_null(openapi.list_of(_FREE)),
)
SENDER_ADDRESSES: dict[str, Any] = {
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_named("SenderAddressShown"))), "All of them."),
        **openapi.refusals(),
    }
}
SENDER_PAGE: dict[str, Any] = {
    "parameters": openapi.paging(100, 40),
    "responses": {
        "200": openapi.answer(
            openapi.shape(data=openapi.list_of(_named("SenderAddressShown"))), "A page.", openapi.LINK
        ),
        **openapi.refusals(400, 404),
    },
}
SENDER_ADDRESS: dict[str, Any] = {
    "parameters": [openapi.path_id("The id of the sender address.")],
    "responses": {
        "200": openapi.answer(openapi.shape(data=_named("SenderAddressShown")), "The one."),
        **openapi.refusals(404),
    },
}
CONTRACTS: dict[str, Any] = {
    "parameters": [
        *(openapi.query(name, _TEXT, "Equal.") for name in ("carrier_code", "client_id", "country_code", "name")),
        openapi.query("is_active", _FLAG, "Of this state alone."),
        *openapi.paging(100, 100),
    ],
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_CONTRACT)), "A page.", openapi.LINK),
        **openapi.refusals(400, 404),
    },
}
_ONE_CONTRACT = openapi.shape(data=_CONTRACT)
_CONTRACT_ID = openapi.path_id("The id of the contract.")
GET_CONTRACT: dict[str, Any] = {
    "parameters": [_CONTRACT_ID],
    "responses": {"200": openapi.answer(_ONE_CONTRACT, "The one."), **openapi.refusals(404)},
}
CREATE_CONTRACT: dict[str, Any] = {
    "requestBody": openapi.body(_named("NewContract")),
    "responses": {"201": openapi.answer(_ONE_CONTRACT, "Made."), **openapi.refusals(400, 413, 415)},
}
UPDATE_CONTRACT: dict[str, Any] = {
    "parameters": [_CONTRACT_ID],
    "requestBody": openapi.body(_named("ContractUpdate")),
    "responses": {"200": openapi.answer(_ONE_CONTRACT, "Changed."), **openapi.refusals(400, 404, 413, 415)},
}
DELETE_CONTRACT: dict[str, Any] = {
    "parameters": [_CONTRACT_ID],
    "responses": {"204": openapi.no_content("Gone."), **openapi.refusals(404)},
}
_FIELDS = openapi.shape(carrier_code=_TEXT, fields=openapi.list_of(_FREE))
CONTRACT_SCHEMAS: dict[str, Any] = {
    "parameters": [openapi.query("carrier_code", _TEXT, "Of this carrier alone.")],
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_FIELDS)), "What carriers ask for."),
        **openapi.refusals(400),
    },
}
OPTIONS: dict[str, Any] = {
    "requestBody": openapi.body(_named("OptionsRequest")),
    "responses": {
        "200": openapi.answer(
            openapi.shape(data=openapi.list_of(_OPTION), message=openapi.or_null(_TEXT)), "Those that fit."
        ),
        **openapi.refusals(400, 413, 415),
    },
}
FETCH_OPTIONS: dict[str, Any] = {
    "deprecated": True,
    "requestBody": openapi.body(_named("SingleOptionsRequest")),
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_OPTION)), "Those that fit, with prices."),
        **openapi.refusals(400, 413, 415),
    },
}
METHODS: dict[str, Any] = {
    "requestBody": openapi.body(_named("MethodsRequest")),
    "responses": {
        "200": openapi.answer(
            openapi.shape(data={"type": "object", "additionalProperties": openapi.or_null(_TEXT)}),
            "The code for each number, or null.",
        ),
        **openapi.refusals(400, 413, 415),
    },
}
_SETTINGS = openapi.shape(
    default_shipping_option_code=_TEXT,
    default_sender_address_id=openapi.or_null(_NUMBER),
    default_brand_id=openapi.or_null(_NUMBER),
    contract_ids={"type": "object", "additionalProperties": _NUMBER},
    gs1_company_prefix=openapi.or_null(_TEXT),
)
_SETTINGS_ANSWER = openapi.answer(openapi.shape(data=_SETTINGS), "The settings.")
GET_SETTINGS: dict[str, Any] = {"responses": {"200": _SETTINGS_ANSWER, **openapi.refusals()}}
PATCH_SETTINGS: dict[str, Any] = {
    "requestBody": openapi.body(_named("ShippingSettingsChange")),
    "responses": {"200": _SETTINGS_ANSWER, **openapi.refusals(400, 413, 415)},
}
_FINDING = openapi.shape(condition=_TEXT, is_met=_FLAG, detail=_TEXT)
_TRIAL = openapi.shape(
    order_id=_TEXT,
    order_number=_TEXT,
    matched_rule_id=openapi.or_null(_NUMBER),
    decided_by={"type": "string", "enum": ["call", "order", "rule", "default"]},
    shipping_option_code=_TEXT,
    contract_id=openapi.or_null(_NUMBER),
    sender_address_id=openapi.or_null(_NUMBER),
    rules=openapi.list_of(
        openapi.shape(id=_NUMBER, name=_TEXT, has_matched=_FLAG, is_applied=_FLAG, conditions=openapi.list_of(_FINDING))
    ),
)
DRY_RUN: dict[str, Any] = {
    "requestBody": openapi.body(_named("DryRun")),
    "responses": {
        "200": openapi.answer(openapi.shape(data=_TRIAL), "Which rule, and why."),
        **openapi.refusals(400, 404, 413, 415),
    },
}

_TEXT_OR_NULL, _ID_OR_NULL = openapi.or_null({"type": "string"}), openapi.or_null({"type": "integer"})
_JUDGED = openapi.shape(
    outcome={"type": "string", "enum": ["created", "updated", "unchanged", "refused"]},
    id=_ID_OR_NULL,
    order_id={},
    order_number={},
    order=openapi.or_null({"type": "object"}),
    errors=openapi.list_of({"type": "object"}),
    warnings=openapi.list_of({"type": "object"}),
    shipping=openapi.or_null(
        openapi.shape(
            shipping_option_code=_TEXT_OR_NULL,
            contract_id=_ID_OR_NULL,
            sender_address_id=_ID_OR_NULL,
            decided_by={"type": "string"},
            matched_rule_id=_ID_OR_NULL,
            is_held={"type": "boolean"},
        )
    ),
)
VALIDATE: dict[str, Any] = {
    "parameters": [openapi.PARTNER],
    "requestBody": openapi.body({"type": "array", "minItems": 1, "maxItems": 100, "items": _named("Order")}),
    "responses": {
        "200": openapi.answer(
            openapi.shape(data=openapi.list_of(_JUDGED), meta=openapi.shape(would_be_stored={"type": "boolean"})),
            "What would become of each, in the order sent.",
        ),
        **openapi.refusals(400, 413, 415),
    },
}

_SHAPES = {SENDER.name: "SenderAddress", CONTRACT.name: "Contract", "brand": "Brand", RULE.name: "ShippingRule"}


def describe_kind(kind: Kind) -> dict[str, dict[str, Any]]:
    """Return the five operations of a kind of the set-up, by name."""
    name, single = kind.plural(), kind.single()
    id = openapi.path_id(f"The id of the {kind.noun}.")
    shown = _named(f"{_SHAPES[kind.name]}Shown")
    one = openapi.shape(data=shown)
    return {
        f"list_all_{name}": {
            "responses": {
                "200": openapi.answer(openapi.shape(data=openapi.list_of(shown)), "All of them."),
                **openapi.refusals(),
            }
        },
        f"create_{single}": {
            "requestBody": openapi.body(_named(_SHAPES[kind.name])),
            "responses": {"201": openapi.answer(one, "Made."), **openapi.refusals(400, 413, 415)},
        },
        f"get_{single}": {
            "parameters": [id],
            "responses": {"200": openapi.answer(one, "The one."), **openapi.refusals(404)},
        },
        f"update_{single}": {
            "parameters": [id],
            "requestBody": openapi.body(_named(f"{_SHAPES[kind.name]}Change")),
            "responses": {"200": openapi.answer(one, "Changed."), **openapi.refusals(400, 404, 413, 415)},
        },
        f"delete_{single}": {
            "parameters": [id],
            "responses": {"204": openapi.no_content("Gone."), **openapi.refusals(404)},
        },
    }


def to_components() -> dict[str, Any]:
    """Return the JSON Schemas of the shapes that the routes above name."""
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("SyncCall", "validation", schema.SYNC),
        ("AsyncCall", "validation", schema.ASYNC),
        ("Tracked", "validation", schema.TRACKED),
        ("OptionsRequest", "validation", option_filters.OPTIONS_REQUEST),
        ("SingleOptionsRequest", "validation", option_filters.SINGLE_REQUEST),
        ("MethodsRequest", "validation", option_filters.METHODS),
        ("NewContract", "validation", contract_schema.CREATE),
        ("ContractUpdate", "validation", contract_schema.UPDATE),
        ("DryRun", "validation", setup_schema.DRY_RUN),
        ("ShippingSettings", "validation", SETTINGS.shape),
        *((_SHAPES[kind.name], "validation", kind.shape) for kind in KINDS.values()),
    ]
    found: dict[str, Any] = {"Shipment": _SHIPMENT, "Parcel": _PARCEL}
    for name, mode, adapter in adapters:
        # One by one: two rooms may have shapes of one name, so each of these keeps its parts to itself.
        made = adapter.json_schema(mode=mode, ref_template=f"#/components/schemas/{name}{{model}}")
        parts = made.pop("$defs", {})
        found[name] = made
        found |= {f"{name}{part}": shape for part, shape in parts.items()}
    for kind in KINDS.values():
        name = _SHAPES[kind.name]
        found |= {f"{name}Change": _to_change(found[name]), f"{name}Shown": _to_shown(kind, found[name])}
    found["ShippingSettingsChange"] = _to_change(found["ShippingSettings"])
    return found


def _to_change(shape: dict[str, Any]) -> dict[str, Any]:
    """Allow any of its keys; null removes one."""
    changes = {name: openapi.or_null(kind) for name, kind in shape["properties"].items()}
    return {"type": "object", "properties": changes}


def _to_shown(kind: Kind, shape: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is hidden, and add the id. A stored item may have less than a request needs: the first sender
    address has only its name and country."""
    names = [name for name in shape["properties"] if name not in setup_schema.HIDDEN]
    shown = {name: _to_kind(shape["properties"][name]) for name in names}
    more = {"id": _NUMBER}
    more |= {"is_active": _FLAG} if kind in (CONTRACT, RULE) else {}
    more |= {"is_default": _FLAG} if kind in (CONTRACT, SENDER) else {}
    return {"type": "object", "properties": {**shown, **more}, "required": [*shape["required"], *more]}


def _to_kind(shape: dict[str, Any]) -> dict[str, Any]:
    """Return the type alone."""
    return {"type": shape["type"]} if "type" in shape else {}
