"""The wire shapes of connections and subscriptions, and the events that there are."""

from typing import Annotated, Any, Literal, NamedTuple, NotRequired
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import Message, message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import FreeValue, Id
from packhouse.kit.wire.pydantic_messages import custom_error

PARCEL_EVENT = "parcels.event.created"
ORDER_CREATED, ORDER_UPDATED, ORDER_DELETED = "orders.order.created", "orders.order.updated", "orders.order.deleted"
SHIPMENT_STALE = "shipments.shipment.stale"
EventType = Literal[
    "parcels.event.created",
    "orders.order.created",
    "orders.order.updated",
    "orders.order.deleted",
    "shipments.shipment.stale",
]
EVENTS = (PARCEL_EVENT, ORDER_CREATED, ORDER_UPDATED, ORDER_DELETED, SHIPMENT_STALE)

INTEGRATION_CONNECTED = "integration_connected"
INTEGRATION_UPDATED = "integration_updated"
INTEGRATION_DELETED = "integration_deleted"
PARCEL_STATUS_CHANGED = "parcel_status_changed"
RETURN_CREATED = "return_created"

STATUSES = ("pending", "held", "delivered", "failed")
# What is shown in place of a secret; sent back, it means the secret that is there.
MASK = "********"
MAX_HEADERS = 20

# What we set ourselves, what belongs to the connection and not to the message, and what would speak for another.
_OURS = (
    "accept-encoding authorization connection content-encoding content-length content-type cookie expect host "
    "keep-alive proxy-authorization te trailer transfer-encoding upgrade user-agent "
    "webhook-id webhook-timestamp webhook-signature sendcloud-signature packhouse-delivery packhouse-attempt"
)
RESERVED = frozenset(_OURS.split())


class Event(NamedTuple):
    """What has happened. Events of one subject, like `order:55`, arrive in the order in which they happened.

    `integration_id` is the shop that it concerns: deliveries that fail are shown in its logs.
    """

    event_type: str
    subject: str
    data: dict[str, Any]
    integration_id: int | None = None


def check_url(url: str) -> str:
    """Raises a Pydantic error for what no event can be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not url.isascii() or not url.isprintable() or " " in url:
        raise custom_error("url", message("Input should be an http or https URL"))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise custom_error("url", message("The URL should have no credentials and no fragment"))
    return url


_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"


def _check_header(name: str) -> str:
    if name.lower() in RESERVED:
        raise custom_error("header", message("Packhouse sets this header itself"))
    return name


# What a URL is made of; `check_url` looks at the rest.
_URL = r"^https?://[A-Za-z0-9._:\[\]-]+([/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?$"
_URL_JSON = {"type": "string", "format": "uri", "pattern": _URL, "maxLength": 2000}
Url = Annotated[str, Field(max_length=2000, pattern=_URL), AfterValidator(check_url), WithJsonSchema(_URL_JSON)]
HeaderName = Annotated[str, Field(pattern=_HEADER_NAME), AfterValidator(_check_header)]
HeaderValue = Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?$")]
_Credential = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,1000}$")]
_UserName = Annotated[str, Field(pattern=r"^[\x20-\x39\x3b-\x7e]{1,200}$")]


class NoAuthentication(TypedDict):
    type: Literal["none"]


class BearerAuthentication(TypedDict):
    type: Literal["bearer"]
    token: _Credential


class BasicAuthentication(TypedDict):
    type: Literal["basic"]
    username: _UserName
    password: HeaderValue


class KeyAuthentication(TypedDict):
    type: Literal["api_key"]
    header: NotRequired[HeaderName]
    key: HeaderValue


Authentication = Annotated[
    NoAuthentication | BearerAuthentication | BasicAuthentication | KeyAuthentication, Field(discriminator="type")
]
# The keys of an authentication that are secrets.
SECRET_KEYS = ("token", "password", "key")


AuthenticationType = Literal["none", "bearer", "basic", "api_key"]


class Configuration(TypedDict):
    """Where to, and what opens the door there: in the published keys, or in ours, `authentication` and `headers`."""

    url: Url
    auth_type: NotRequired[AuthenticationType]
    auth_config: NotRequired[Annotated[dict[str, FreeValue], Field(max_length=MAX_HEADERS)] | None]
    extra_headers: NotRequired[Annotated[dict[HeaderName, HeaderValue], Field(max_length=MAX_HEADERS)] | None]
    authentication: NotRequired[Authentication]
    headers: NotRequired[Annotated[dict[HeaderName, HeaderValue], Field(max_length=MAX_HEADERS)]]
    standard_webhooks: NotRequired[bool]


class ConnectionCreate(TypedDict):
    type: Literal["webhook"]
    configuration: Configuration


class ConnectionUpdate(TypedDict):
    type: NotRequired[Literal["webhook"]]
    configuration: NotRequired[Configuration]


class SubscriptionCreate(TypedDict):
    connection_id: Id
    event_type: EventType
    is_active: NotRequired[bool]


class SubscriptionUpdate(TypedDict):
    connection_id: NotRequired[Id]
    event_type: NotRequired[EventType]
    is_active: NotRequired[bool]


CONNECTION_CREATE = TypeAdapter(ConnectionCreate)
CONNECTION_UPDATE = TypeAdapter(ConnectionUpdate)
SUBSCRIPTION_CREATE = TypeAdapter(SubscriptionCreate)
SUBSCRIPTION_UPDATE = TypeAdapter(SubscriptionUpdate)

AUTHENTICATION: TypeAdapter[Any] = TypeAdapter(Authentication)
_CONFIGURATION = ("configuration",)
# What an answer has besides: a connection as it was read may be sent back.
_READ_ONLY_KEYS = (
    "id", "failing_since", "paused_at", "slow_since", "key_switches_at", "created_at", "updated_at", "signing_key",
    "standard_webhooks_secret",
)  # fmt: skip
_READ_ONLY = frozenset((name,) for name in _READ_ONLY_KEYS)


def read_connection(adapter: TypeAdapter[Any], body: bytes) -> dict[str, Any]:
    """Read a connection, its configuration in our keys. A key that is unknown is refused: a receiver whose
    authentication was lost in silence would hear nothing. Raises Invalid."""
    reading = validation.read_json(adapter, body)
    faults = [_to_fault("invalid", flaw.detail, flaw.path) for flaw in reading.flaws]
    detail = message("This key is unknown.")
    faults += [_to_fault("unknown_field", detail, path) for path in reading.unknown if path not in _READ_ONLY]
    sent = reading.value
    if not faults and "configuration" in sent:
        configuration, faults = _to_own(dict(sent["configuration"]))
        sent = {**sent, "configuration": configuration}
    if faults:
        raise errors.Invalid(faults[: errors.MAX_LISTED])
    return dict(sent)


def _to_own(sent: dict[str, Any]) -> tuple[dict[str, Any], list[errors.ErrorItem]]:
    """A configuration without the published keys, and what is wrong with these."""
    faults = []
    kind, given, headers = (sent.pop(key, None) for key in ("auth_type", "auth_config", "extra_headers"))
    if headers and sent.setdefault("headers", headers) != headers:
        faults.append(_to_fault("invalid", _TWICE, (*_CONFIGURATION, "extra_headers")))
    if kind is None and given:
        faults.append(_to_fault("required", message("Field required"), (*_CONFIGURATION, "auth_type")))
    if kind is None:
        return sent, faults
    reading = validation.read_parsed(AUTHENTICATION, {**(given or {}), "type": kind}, may_hold_nulls=False)
    at = (*_CONFIGURATION, "auth_config")
    faults += [_to_fault("invalid", flaw.detail, (*at, *flaw.path[1:])) for flaw in reading.flaws]
    faults += [_to_fault("unknown_field", message("This key is unknown."), (*at, path[-1])) for path in reading.unknown]
    if not faults and sent.setdefault("authentication", reading.value) != reading.value:
        faults.append(_to_fault("invalid", _TWICE, (*_CONFIGURATION, "auth_type")))
    return sent, faults


_TWICE = message("This was sent twice with different values.")


def _to_fault(code: str, detail: Message, path: errors.Path) -> errors.ErrorItem:
    return errors.ErrorItem(code, detail, pointer=errors.to_pointer(path))


def to_published(shown: dict[str, Any]) -> dict[str, Any]:
    """A configuration as stored, secrets masked, with the published keys beside ours: it may be sent back as it is."""
    authentication = dict(shown.get("authentication") or {"type": "none"})
    kind = authentication.pop("type")
    return {**shown, "auth_type": kind, "auth_config": authentication, "extra_headers": shown.get("headers", {})}


_INSTANT = "2026-03-14T08:26:53.589000+00:00"
_ORDER = {
    "id": 1,
    "order_id": "example-1",
    "order_number": "1001",
    "integration_id": 1,
    "status": {"code": "unfulfilled", "message": "Unfulfilled"},
    "at": _INSTANT,
}
# What a test broadcast sends: of each kind one that never happened.
EXAMPLES: dict[str, dict[str, Any]] = {
    PARCEL_EVENT: {
        "parcel": {"parcel_id": 1, "tracking_number": "EXAMPLE1", "carrier_code": "example", "announced_at": _INSTANT},
        "event": {
            "event_type": "internal",
            "timestamp": _INSTANT,
            "phase": "announced",
            "exception": "none",
            "status_type": "success",
            "sub_status": "none",
            "description": "A test of this subscription.",
        },
    },
    SHIPMENT_STALE: {
        "shipment": {
            "id": "5c1d1f0e-6f0a-4c39-9d5b-0a4f6e0f8f11",
            "order_id": "example-1",
            "order_number": "1001",
            "integration_id": 1,
            "stale": ["address"],
            "at": _INSTANT,
        }
    },
    **{event: {"order": _ORDER} for event in (ORDER_CREATED, ORDER_UPDATED, ORDER_DELETED)},
}
