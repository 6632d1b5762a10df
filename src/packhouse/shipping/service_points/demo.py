"""The demo set: the invented service points that demo orders name, as points of the built-in carrier."""

from collections.abc import Iterator
from typing import Any

from packhouse.orders import demo

CARRIER = "house"
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")
_SHOP = {day: [{"start_time": "09:00", "end_time": "18:00"}] for day in _WEEK}
_SHOP["saturday"] = [{"start_time": "10:00", "end_time": "17:00"}]
_LOCKER = {day: [{"start_time": "00:00", "end_time": "24:00"}] for day in (*_WEEK, "saturday", "sunday")}


def make_points() -> list[dict[str, Any]]:
    """Return each point once, valid."""
    return list({point["carrier_service_point_id"]: point for point in _make_points()}.values())


def _make_points() -> Iterator[dict[str, Any]]:
    for told in demo.list_service_points():
        code = told.get("carrier_service_point_id") or told["id"]
        is_locker = told["type"] == "locker"
        yield {
            "carrier_code": CARRIER,
            "carrier_service_point_id": code,
            "name": f"{'Locker' if is_locker else 'Shop'} {told['street']} {code[-1]}",
            "street": told["street"],
            "house_number": str(10 * (1 + ord(code[-1]) % 5)),
            "postal_code": told["postal_code"],
            "city": told["city"],
            "country_code": told["country_code"],
            "latitude": float(told["latitude"]),
            "longitude": float(told["longitude"]),
            "general_shop_type": told["type"],
            "opening_times": _LOCKER if is_locker else _SHOP,
        }
