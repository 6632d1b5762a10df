"""An order as one line of a list: what a packer looks at, taken out of its document."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from packhouse.orders import contents, plain, warnings
from packhouse.shipping import packing

# The columns of the list in their order; a reader may hide any but the first.
COLUMNS = (
    "number", "shop", "placed", "recipient", "country", "items", "weight", "total", "payment", "status", "delivery",
    "tags", "warnings",
)  # fmt: skip


class Row(NamedTuple):
    """`weight` in kilograms, None where the order does not say; `items` counts pieces, not positions."""

    id: int
    number: str
    order_id: str
    shop: str
    placed_at: str
    recipient: str
    company: str
    city: str
    country: str
    items: int
    weight: Decimal | None
    total: Mapping[str, Any]
    payment: Mapping[str, Any]
    status: Mapping[str, Any]
    delivery: str
    tags: list[str]
    warnings: list[str]


def to_row(id: int, text: str, shops: Mapping[int, str], origin: str) -> Row:
    document = plain.read(text)
    details, payment = document["order_details"], document["payment_details"]
    address = document.get("shipping_address") or {}
    integration = details["integration"]["id"]
    shipping = document.get("shipping_details") or {}
    return Row(
        id,
        document["order_number"],
        document["order_id"],
        shops.get(integration, f"#{integration}"),
        details["order_created_at"],
        _find_name(document),
        address.get("company_name") or "",
        address.get("city", ""),
        address.get("country_code", ""),
        count_items(document),
        packing.find_weight(document),
        payment["total_price"],
        payment["status"],
        details["status"],
        shipping.get("delivery_indicator") or "",
        details.get("tags") or [],
        [warning.detail for warning in warnings.find_warnings(document, origin)],
    )


def _find_name(document: Mapping[str, Any]) -> str:
    name: str = (document.get("shipping_address") or {}).get("name") or ""
    return name or str((document.get("customer_details") or {}).get("name", ""))


def find_recipient(document: Mapping[str, Any]) -> str:
    """Their name, or their company's where there is none."""
    return _find_name(document) or (document.get("shipping_address") or {}).get("company_name") or ""


def count_items(document: Mapping[str, Any]) -> int:
    """Pieces that are to be shipped."""
    return sum(item["quantity"] for item in contents.list_goods(document))
