"""Orders for tests: `make.order(**changes)` is a small complete one, `make.full_order()` one with every field."""

import copy
from typing import Any

SHOP = 1


def address(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Ada Visser",
        "address_line_1": "Keizersgracht",
        "house_number": "12",
        "postal_code": "1015 CR",
        "city": "Amsterdam",
        "country_code": "NL",
        **changes,
    }


def item(**changes: Any) -> dict[str, Any]:
    return {"name": "Green tea", "quantity": 2, "total_price": {"value": 25.0, "currency": "EUR"}, **changes}


def order(order_id: str = "o-1", integration: int = SHOP, **changes: Any) -> dict[str, Any]:
    """What a create needs and no more. A change to a container (`order_details={"notes": "…"}`) is merged into it."""
    made: dict[str, Any] = {
        "order_id": order_id,
        "order_number": f"N-{order_id}",
        "order_details": {
            "integration": {"id": integration},
            "status": {"code": "unfulfilled", "message": "Unfulfilled"},
            "order_created_at": "2026-03-14T08:26:53.589000+00:00",
            "order_items": [item()],
        },
        "payment_details": {"total_price": {"value": 25.0, "currency": "EUR"}, "status": {"code": "paid"}},
    }
    for name, value in copy.deepcopy(changes).items():
        both = isinstance(value, dict) and isinstance(made.get(name), dict)
        made[name] = {**made[name], **value} if both else value
    return made


def key(order_id: str = "o-1", integration: int = SHOP, **details: Any) -> dict[str, Any]:
    """An update's address, and what changed of its order_details."""
    return {"order_id": order_id, "order_details": {"integration": {"id": integration}, **details}}
