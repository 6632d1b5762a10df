"""Filters of the list of shipping options, and an option with its price on the wire."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.carriers import Option
from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.data.places import Place
from packhouse.kit.messages import Message, message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import CountryCode, CurrencyCode, Id, Measure, Number
from packhouse.shipping.rates import pricing
from packhouse.shipping.schema import Dimensions
from packhouse.shipping.setup.options import Options, carries, goes
from packhouse.shipping.setup.setup_schema import Code, OptionsWeight, Setup, is_active, of_carrier

MAX_PARCELS = 50
MAX_METHODS = 100
_STRICT = ConfigDict(strict=True)
_Postal = Annotated[str, Field(max_length=12)]
_Text = Annotated[str, Field(max_length=255)]


class Place_(TypedDict, total=False):  # noqa: N801 - `Place` is the kit's
    """One end of the route; with the id of a saved sender address, it is there."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    country_code: CountryCode | None
    postal_code: _Text | None
    address_line_1: _Text | None
    city: _Text | None
    state_province_code: _Text | None
    sender_address_id: Id | None


class Insured(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Number
    currency: CurrencyCode


class OptionsParcel(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    weight: OptionsWeight | None
    dimensions: Dimensions | None
    additional_insured_price: Measure | Insured | None
    total_insured_price: Measure | Insured | None


class LeadTime(TypedDict, total=False):
    """Bounds in hours."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    gt: Measure | None
    gte: Measure | None
    eq: Measure | None
    lt: Measure | None
    lte: Measure | None


class PointOfOption(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: _Text | int | None
    carrier_service_point_id: _Text | int | None


_Features = Annotated[dict[str, str | int | bool | None], Field(max_length=100)]


class _Common(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    from_country_code: CountryCode | None
    from_postal_code: _Postal | None
    to_country_code: CountryCode | None
    to_postal_code: _Postal | None
    functionalities: _Features | None
    carrier_code: Code | None
    contract_id: Annotated[int, Field(ge=0, le=2**63 - 1)] | None
    shipping_product_code: Code | None
    lead_time: LeadTime | None
    weight: OptionsWeight | None


class OptionsRequest(_Common, total=False):
    """Filters of the list of shipping options, all of them optional."""

    from_address: Place_ | None
    to_address: Place_ | None
    shipping_option_code: Code | None
    to_service_point: PointOfOption | None
    to_service_point_id: _Text | int | None
    parcels: Annotated[list[OptionsParcel], Field(max_length=MAX_PARCELS)] | None
    calculate_quotes: bool | None


class SingleOptionsRequest(_Common, total=False):
    """The older form, for one parcel."""

    dimensions: Dimensions | None
    total_insurance: Measure | None


class MethodsRequest(TypedDict):
    """Numbers of shipping methods, which were used before options had codes."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shipping_method_ids: Annotated[list[int], Field(max_length=MAX_METHODS)]


METHODS: TypeAdapter[Any] = TypeAdapter(MethodsRequest)
OPTIONS_REQUEST: TypeAdapter[Any] = TypeAdapter(OptionsRequest)
SINGLE_REQUEST: TypeAdapter[Any] = TypeAdapter(SingleOptionsRequest)

_YES_OR_NO = (
    "b2b", "b2c", "boxable", "bulky_goods", "dangerous_goods", "direct_contract_only", "eco_delivery", "flex_delivery",
    "fragile_goods", "fresh_goods", "harmonized_label", "id_check", "manually", "multicollo", "neighbor_delivery",
    "non_conveyable", "personalized_delivery", "premium", "registered_delivery", "returns", "signature", "sorted",
    "surcharge", "tracked", "tyres", "ers", "pick_up", "labelless",
)  # fmt: skip
_VALUES = (
    "age_check", "carrier_billing_type", "cash_on_delivery", "delivery_attempts", "delivery_before",
    "delivery_deadline", "first_mile", "form_factor", "incoterm", "insurance", "priority", "segment",
    "service_area", "size",
    "weekend_delivery", "carrier_insurance", "customs_value_limit",
)  # fmt: skip
FUNCTIONALITIES: dict[str, Any] = {
    **dict.fromkeys(_YES_OR_NO, False),
    **dict.fromkeys(_VALUES),
    "last_mile": "home_delivery",
}
"""Every key of an option's functionalities, and what it says where the carrier does not."""

_HEAVIEST = Decimal(10_000)
_AT_POINTS = frozenset({"service_point", "locker", "locker_or_service_point"})
_FIELDS = ("to_email", "to_telephone", "length", "width", "height")
_BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda hours, bound: hours > bound,
    "gte": lambda hours, bound: hours >= bound,
    "eq": lambda hours, bound: hours == bound,
    "lt": lambda hours, bound: hours < bound,
    "lte": lambda hours, bound: hours <= bound,
}


class Wanted(NamedTuple):
    """The filters of the list. `sides` are those of each parcel with a size, the longest first."""

    origin: Place | None
    destination: Place | None
    weights: Sequence[Decimal | None]
    sides: Sequence[Sequence[Decimal]]
    functionalities: Mapping[str, Any]
    carrier_code: str | None
    contract_id: int | None
    product_code: str | None
    option_code: str | None
    to_point: bool
    lead_time: Mapping[str, Any]
    shows_quotes: bool


class Offer(NamedTuple):
    """An option under a contract, and its price, if there is one."""

    option: Option
    contract_id: int
    quote: pricing.Quote | None
    lead_time_hours: int | None


def read_request(body: bytes, setup: Setup, *, is_single: bool) -> Wanted:
    """Raises Invalid with every flaw."""
    reading = validation.read_json(SINGLE_REQUEST if is_single else OPTIONS_REQUEST, body or b"{}")
    faults = [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
    if faults:
        raise errors.Invalid(faults)
    sent: Any = {key: value for key, value in reading.value.items() if value is not None}
    faults += _find_faults(sent, setup)
    if faults:
        raise errors.Invalid(faults)
    parcels = sent.get("parcels") or ([sent] if sent.get("weight") or sent.get("dimensions") else [])
    point = sent.get("to_service_point") or sent.get("to_service_point_id")
    return Wanted(
        origin=_find_place(sent, "from", setup),
        destination=_find_place(sent, "to", setup),
        weights=[units.to_kilograms(parcel.get("weight")) for parcel in parcels],
        sides=[_to_sides(parcel["dimensions"]) for parcel in parcels if parcel.get("dimensions")],
        functionalities=sent.get("functionalities", {}),
        carrier_code=sent.get("carrier_code"),
        contract_id=sent.get("contract_id"),
        product_code=sent.get("shipping_product_code"),
        option_code=setup.resolve_option(sent["shipping_option_code"]) if "shipping_option_code" in sent else None,
        to_point=bool(point),
        lead_time=sent.get("lead_time", {}),
        shows_quotes=is_single or sent.get("calculate_quotes", False),
    )


def _find_faults(sent: Mapping[str, Any], setup: Setup) -> Iterator[errors.ErrorItem]:
    if sent.get("parcels") == []:
        yield _to_fault("parcels", message("At least one parcel must be provided."))
    if "contract_id" in sent and sent["contract_id"] not in setup.contract:
        yield _to_fault("contract_id", message("Invalid contract."))
    for end in ("from", "to"):
        if f"{end}_address" in sent:
            yield from _find_faults_of(end, sent, setup)


def _find_faults_of(end: str, sent: Mapping[str, Any], setup: Setup) -> Iterator[errors.ErrorItem]:
    for name in (f"{end}_country_code", f"{end}_postal_code"):
        if name in sent:
            yield _to_fault(name, message("Send either {address} or {name}.", address=f"{end}_address", name=name))
    address = sent[f"{end}_address"]
    id = address.get("sender_address_id")
    if id is not None and id not in setup.sender_address:
        yield _to_fault(f"{end}_address/sender_address_id", message("Does not exist."))
    elif id is None and not address.get("country_code"):
        yield _to_fault(f"{end}_address/country_code", message("Field required"))


def _to_fault(place: str, detail: Message) -> errors.ErrorItem:
    return errors.ErrorItem("invalid", detail, pointer=f"{errors.ATTRIBUTES}/{place}")


def _find_place(sent: Mapping[str, Any], end: str, setup: Setup) -> Place | None:
    if address := sent.get(f"{end}_address"):
        saved = setup.sender_address.get(address.get("sender_address_id") or 0, {})
        return places.to_place({**saved, **{key: value for key, value in address.items() if value}})
    country = sent.get(f"{end}_country_code")
    return Place(country, sent.get(f"{end}_postal_code") or "") if country else None


def _to_sides(size: Mapping[str, Any]) -> list[Decimal]:
    named = (size[side] for side in ("length", "width", "height"))
    return sorted((units.convert(side, size["unit"], units.CENTIMETRES) for side in named), reverse=True)


def find_offers(options: Options, setup: Setup, rates: Sequence[pricing.Table], wanted: Wanted) -> list[Offer]:
    """Return the options that fit, each under every active contract: the cheapest first, those without a price last,
    sorted by code. Options for returns come after all others, because clients take the first one."""
    found = []
    for option in options.all():
        if not _fits(option, wanted):
            continue
        for id, contract in setup.contract.items():
            is_meant = wanted.contract_id in (None, id) and of_carrier(contract, option.carrier_code)
            if not is_meant or not is_active(contract):
                continue
            quote = _find_quote(option, id, rates, wanted)
            hours = option.lead_time_hours if quote is None or quote.lead_time_hours is None else quote.lead_time_hours
            if all(hours is not None and _BOUNDS[name](hours, bound) for name, bound in _to_bounds(wanted)):
                found.append(Offer(option, id, quote, hours))
    return sort_offers(found)


def sort_offers(offers: Iterable[Offer]) -> list[Offer]:
    return sorted(offers, key=_to_rank)


def _to_bounds(wanted: Wanted) -> list[tuple[str, Any]]:
    return [(name, bound) for name, bound in wanted.lead_time.items() if bound is not None]


def _to_rank(offer: Offer) -> tuple[bool, bool, Decimal, str, int]:
    quote = offer.quote
    is_return = offer.option.is_return
    return is_return, quote is None, units.ZERO if quote is None else quote.total, offer.option.code, offer.contract_id


def _find_quote(
    option: Option, contract_id: int, rates: Sequence[pricing.Table], wanted: Wanted
) -> pricing.Quote | None:
    if wanted.origin is None or wanted.destination is None:
        return None
    weights = [weight or units.ZERO for weight in wanted.weights] or [units.ZERO]
    asked = pricing.Asked(option.code, contract_id, wanted.origin, wanted.destination, weights)
    return pricing.find_quote(rates, asked)


def _fits(option: Option, wanted: Wanted) -> bool:
    product = to_product_code(option)
    return (
        wanted.carrier_code in (None, option.carrier_code)
        and wanted.option_code in (None, option.code)
        and wanted.product_code in (None, product)
        and goes(option, wanted.origin, wanted.destination)
        and all(weight is None or carries(option, weight) for weight in wanted.weights)
        and all(_holds(option, sides) for sides in wanted.sides)
        and (len(wanted.weights) < 2 or bool(option.features.get("multicollo")))
        and (not wanted.to_point or option.features.get("last_mile") in _AT_POINTS)
        and has_functionalities(option, wanted.functionalities)
    )


def _holds(option: Option, sides: Sequence[Decimal]) -> bool:
    most = option.max_sides_cm
    return most is None or all(side <= limit for side, limit in zip(sides, most, strict=True) if limit)


def has_functionalities(option: Option, asked: Mapping[str, Any]) -> bool:
    """Return whether the option has them; a key that is unknown or null is ignored."""
    shown = to_functionalities(option)
    known = {name: value for name, value in asked.items() if name in shown and value is not None}
    return all(shown[name] == value or (value is False and not shown[name]) for name, value in known.items())


def to_functionalities(option: Option) -> dict[str, Any]:
    return {**FUNCTIONALITIES, **option.features}


def to_product_code(option: Option) -> str:
    return option.code.partition("/")[0]


def to_wire(offer: Offer, carrier_name: str, contract: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    option = offer.option
    leaves = None not in (wanted.origin, wanted.destination) and places.leaves_customs_union(
        wanted.origin or "", wanted.destination or ""
    )
    most = option.max_sides_cm or (units.ZERO,) * 3
    shows = wanted.shows_quotes and offer.quote is not None
    return {
        "code": option.code,
        "name": option.name,
        "carrier": {"code": option.carrier_code, "name": carrier_name},
        "product": {"code": to_product_code(option), "name": option.name},
        "functionalities": to_functionalities(option),
        "countries": None if option.countries is None else sorted(option.countries),
        "weight": _to_range(units.ZERO, option.max_weight_kg or _HEAVIEST),
        "max_dimensions": {
            **{side: units.to_text(limit, 2) for side, limit in zip(("length", "width", "height"), most, strict=True)},
            "unit": "cm",
        },
        "parcel_billed_weights": [
            {"parcel_number": number, **_to_weight(weight or units.ZERO), "volumetric": False, "calculation": None}
            for number, weight in enumerate(wanted.weights, 1)
        ],
        "contract": {
            "id": offer.contract_id,
            "client_id": contract.get("client_id") or "",
            "carrier_code": option.carrier_code,
            "name": contract.get("name") or "",
        },
        "requirements": {
            "fields": [name for name in _FIELDS if name in option.requires],
            "export_documents": leaves,
            "is_service_point_required": "to_service_point" in option.requires,
        },
        "charging_type": "label_creation",
        "quotes": [_to_quote(offer, offer.quote)] if shows and offer.quote else None,
    }


def _to_weight(weight: Decimal) -> dict[str, Literal["kg"] | str]:
    return {"value": units.to_text(weight), "unit": "kg"}


def _to_range(low: Decimal, high: Decimal) -> dict[str, Any]:
    """Return a maximum that is a gram above the allowed one, because clients treat it as exclusive."""
    gram = Decimal("0.001")
    return {"min": _to_weight(max(low, gram)), "max": _to_weight(high + gram)}


def _to_quote(offer: Offer, quote: pricing.Quote) -> dict[str, Any]:
    heaviest = quote.max_weight_kg or offer.option.max_weight_kg or _HEAVIEST
    breakdown = [
        {"type": part.kind, "label": part.label, "price": _to_price(part.value, quote.currency)} for part in quote.parts
    ]
    return {
        "weight": _to_range(quote.min_weight_kg, heaviest),
        "lead_time": offer.lead_time_hours,
        "price": {"total": _to_price(quote.total, quote.currency), "breakdown": breakdown},
        "estimated_surcharges": None,
    }


def _to_price(value: Decimal, currency: str) -> dict[str, str]:
    return {"value": f"{value:f}", "currency": currency}
