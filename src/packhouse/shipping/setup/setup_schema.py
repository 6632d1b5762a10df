"""The wire shapes of the account's shipping set-up: sender addresses, contracts, brands, shipping rules, settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit.messages import Message, message
from packhouse.kit.wire.fields import CountryCode, CurrencyCode, Email, FreeObject, Id, NonEmpty, Number, Url
from packhouse.shipping import holds
from packhouse.shipping.rates.pricing import Table

MAX_POSITION = 1_000_000
MAX_ALIASES = 1_000

_STRICT = ConfigDict(strict=True)

Code = Annotated[str, Field(min_length=1, max_length=255)]
Prefix = Annotated[str, Field(pattern=r"^[0-9]{4,12}$")]


class SenderAddress(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: NonEmpty
    company_name: NotRequired[str]
    address_line_1: NonEmpty
    house_number: NotRequired[str]
    address_line_2: NotRequired[str]
    postal_code: NonEmpty
    city: NonEmpty
    po_box: NotRequired[str | None]
    state_province_code: NotRequired[str]
    country_code: CountryCode
    email: NotRequired[Email]
    phone_number: NotRequired[str]
    vat_number: NotRequired[str]
    eori_number: NotRequired[str]
    is_default: NotRequired[bool]


class Contract(TypedDict):
    """`credentials` is what the carrier's API requires; it is stored, and never returned."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    carrier_code: Code
    name: NotRequired[str]
    client_id: NotRequired[str]
    country_code: NotRequired[CountryCode]
    is_active: NotRequired[bool]
    credentials: NotRequired[FreeObject]
    is_default: NotRequired[bool]


class Brand(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: NonEmpty
    website: NotRequired[Url]
    email: NotRequired[Email]
    phone_number: NotRequired[str]


class WeightRange(TypedDict):
    """Includes both ends; one may be missing."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    min: NotRequired[Number]
    max: NotRequired[Number]
    unit: Literal["kg", "g", "lbs", "oz"]


class PriceRange(TypedDict):
    """Includes both ends; one may be missing. An order in another currency is outside."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    min: NotRequired[Number]
    max: NotRequired[Number]
    currency: CurrencyCode


_Texts = Annotated[list[Code], Field(min_length=1, max_length=1000)]


class Conditions(TypedDict, total=False):
    """All of them must be met; one entry of a list is enough."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    countries: Annotated[list[CountryCode], Field(min_length=1, max_length=300)]
    weight: WeightRange
    total_price: PriceRange
    delivery_indicators: _Texts
    tags: _Texts
    skus: _Texts
    integrations: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    not_to_ship: Annotated[list[holds.Code], Field(min_length=1, max_length=len(holds.CODES))]


class Actions(TypedDict, total=False):
    """With `hold`, the rule makes no label until somebody ships the order without it. With `cheapest_of`, the option
    that fits and is cheapest by the account's rate tables is chosen."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shipping_option_code: Code
    cheapest_of: Annotated[list[Code], Field(min_length=1, max_length=50)]
    contract_id: Id
    sender_address_id: Id
    hold: bool


class Rule(TypedDict):
    """Rules are tried by `position`, then by id; those with `for_returns` only for returns, where `sender_address_id`
    is the address that returns go to."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: NonEmpty
    position: NotRequired[Annotated[int, Field(ge=0, le=MAX_POSITION)]]
    is_active: NotRequired[bool]
    for_returns: NotRequired[bool]
    conditions: NotRequired[Conditions]
    actions: Actions


_Codes = Annotated[list[Code], Field(max_length=200)]


class StatusCodes(TypedDict, total=False):
    """The meanings of order and payment status codes; a missing kind has its defaults."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    cancelled: _Codes
    refunded: _Codes
    on_hold: _Codes
    unpaid: _Codes
    pick_up: _Codes
    paid: _Codes


class OptionsWeight(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Number
    unit: Literal["kg", "g", "lbs", "oz"]


class ShippingSettings(TypedDict, total=False):
    """`contract_ids` has the default contract of each carrier by its code. `option_aliases` are codes that clients know
    from elsewhere, and the options that they stand for."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    default_shipping_option_code: Code
    default_return_option_code: Code | None
    default_sender_address_id: Id | None
    default_brand_id: Id | None
    contract_ids: Annotated[dict[Code, Id], Field(max_length=1000)]
    gs1_company_prefix: Prefix | None
    status_codes: StatusCodes | None
    default_parcel_weight: OptionsWeight | None
    option_aliases: Annotated[dict[Code, Code], Field(max_length=MAX_ALIASES)] | None


class Kind(NamedTuple):
    """One kind of item in the set-up. `noun` is its name for people."""

    name: str
    noun: Message
    path: str
    shape: TypeAdapter[Any]

    def plural(self) -> str:
        return self.path.replace("-", "_")

    def single(self) -> str:
        """The noun as part of a name."""
        return self.noun.replace(" ", "_")


SETTINGS = Kind("settings", message("shipping settings"), "shipping-settings", TypeAdapter(ShippingSettings))
SENDER = Kind("sender_address", message("sender address"), "sender-addresses", TypeAdapter(SenderAddress))
CONTRACT = Kind("contract", message("contract"), "contracts", TypeAdapter(Contract))
BRAND = Kind("brand", message("brand"), "brands", TypeAdapter(Brand))
RULE = Kind("rule", message("shipping rule"), "shipping-rules", TypeAdapter(Rule))
KINDS = {kind.name: kind for kind in (SENDER, CONTRACT, BRAND, RULE)}
"""Those of which an account has many."""

DEFAULT_OPTION = "house:standard"
SETTINGS_ID = 0
BUILT_IN = {"house": message("Own delivery"), "sendcloud": message("Unstamped letter"), "post": message("Post")}
"""Carriers that need nothing to be agreed first: code -> name of the contract that each account gets."""
SEALED = "sealed_credentials"
HIDDEN = ("credentials", SEALED)
"""Keys that are never given back."""


@dataclass(slots=True)
class Setup:
    """The account's shipping set-up: documents by id, and the one document of the settings."""

    settings: dict[str, Any] = field(default_factory=dict)
    sender_address: dict[int, dict[str, Any]] = field(default_factory=dict)
    contract: dict[int, dict[str, Any]] = field(default_factory=dict)
    brand: dict[int, dict[str, Any]] = field(default_factory=dict)
    rule: dict[int, dict[str, Any]] = field(default_factory=dict)
    rates: list[Table] = field(default_factory=list)
    """The rate tables in force, where prices are compared or shown."""

    def needs_rates(self) -> bool:
        """Return whether an active rule compares prices."""
        return any("cheapest_of" in rule["actions"] for rule in self.rule.values() if is_active(rule))

    def resolve_option(self, code: str) -> str:
        """Return the option of a code of ours, or of one that clients know from elsewhere."""
        return str((self.settings.get("option_aliases") or {}).get(code, code))

    def of_kind(self, kind: Kind) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = getattr(self, kind.name)
        return found

    def ids(self, kind: Kind) -> list[int]:
        """Return the ids in the order of lists: rules as they are tried, the inactive ones last."""
        tried = [id for id, _ in (*self.rules(), *self.rules(for_returns=True))] if kind is RULE else []
        return tried + [id for id in self.of_kind(kind) if id not in tried]

    def default_option(self) -> str:
        return str(self.settings.get("default_shipping_option_code") or DEFAULT_OPTION)

    def default_sender(self) -> int | None:
        """Return the chosen address if it exists, or else the oldest."""
        return _first(self.settings.get("default_sender_address_id"), self.sender_address)

    def default_brand(self) -> int | None:
        return _first(self.settings.get("default_brand_id"), self.brand)

    def status_codes(self) -> dict[str, Sequence[str]]:
        return {**holds.DEFAULTS, **(self.settings.get("status_codes") or {})}

    def default_contract(self, carrier_code: str) -> int | None:
        """Return the chosen one of the carrier's active contracts, or else the oldest."""
        active = [id for id, found in self.contract.items() if is_active(found) and of_carrier(found, carrier_code)]
        return _first((self.settings.get("contract_ids") or {}).get(carrier_code), active)

    def rules(self, *, for_returns: bool = False) -> list[tuple[int, dict[str, Any]]]:
        """Return the active rules in the order in which they are tried: those for returns, or all others."""
        meant = ((id, rule) for id, rule in self.rule.items() if rule.get("for_returns", False) == for_returns)
        active = [(id, rule) for id, rule in meant if is_active(rule)]
        return sorted(active, key=lambda pair: (pair[1].get("position", 0), pair[0]))

    def is_default(self, kind: Kind, id: int) -> bool:
        if kind is SENDER:
            return id == self.default_sender()
        return kind is CONTRACT and id == self.default_contract(self.contract[id]["carrier_code"])

    def carriers(self) -> set[str]:
        """Return the codes of the carriers that the account can ship with."""
        return {found["carrier_code"] for found in self.contract.values() if is_active(found)}


def is_active(document: dict[str, Any]) -> bool:
    return document.get("is_active") is not False


def of_carrier(contract: dict[str, Any], carrier_code: str) -> bool:
    return bool(contract["carrier_code"] == carrier_code)


def _first(chosen: int | None, known: Any) -> int | None:
    return chosen if chosen in known else min(known, default=None)


class DryRun(TypedDict):
    """An order, named as a label call names it."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    integration_id: Id
    order_id: NotRequired[Code]
    order_number: NotRequired[Code]


OBJECT: TypeAdapter[Any] = TypeAdapter(Any)
DRY_RUN: TypeAdapter[Any] = TypeAdapter(DryRun)
