"""docs/compatibility.md: which of the published paths are served. `python -m tests.contract.compatibility` writes it.

The table is made of the routes; what differs, and why a path is not served, stands here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from packhouse.app import ROUTES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
PUBLISHED = Path(__file__).parent / "published" / "paths.txt"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

DIFFERS = {
    "POST /api/v3/returns/announce-synchronously": "errors in the form of version 3; a carrier that is away: 201, and "
    "the label is made as soon as it answers",
    "POST /api/v3/parcels/tracking": "400 with the reason where a carrier is not installed, has no contract or tells "
    "nothing; errors in the form of version 3",
    "GET /api/v3/service-points": "there is no geocoder: an address is found by the postal codes and cities of the "
    "stored points; `open_on` is an addition",
    "GET /api/v3/contracts": "one page; filters `carrier_code` alone",
    "POST /api/v3/event-subscriptions/connections": "webhooks only, no `klaviyo`; unknown keys are rejected",
    "POST /api/v3/event-subscriptions/connections/{}/authorization": "404: a webhook needs no authorization",
    "POST /api/v3/parcels/{}/cancel": "published for version 2; answers as cancelling a shipment does",
    "GET /api/v2/parcels": "to read; `limit` counts shipments",
    "GET /api/v2/parcels/{}": "to read; the keys that clients read",
    "GET /api/v2/labels/{}": "to read; the links lead to version 3",
}
"""What is served, and not in all as it is published."""

NOT_SERVED = (
    ("/api/v3/checkout/", "no checkout: what a shop offers its customers is the shop's"),
    ("/api/v3/pickups", "no pick-ups: they are agreed with the carrier"),
    ("/api/v3/shipments/{}/return-portal-url", "there is no portal for returns"),
    ("/api/v3/addresses/validate", "addresses are checked where an order is shipped"),
    ("/api/v2/", "version 2 is served to read parcels, labels and service points alone"),
    ("/api/v3/", "not yet"),
)
"""Where paths begin that are not served, and why; the first that fits."""

ALSO = ("GET /api/v2/parcels", "GET /api/v2/parcels/{}", "GET /api/v2/labels/{}", "POST /api/v3/parcels/{}/cancel")
"""Paths that clients call, beside the published ones."""


def list_rows() -> Iterator[tuple[str, str, str]]:
    served = {f"{route.method} {_to_key(route.label)}" for route in ROUTES}
    for published in (*PUBLISHED.read_text("utf-8").splitlines(), *ALSO):
        key = _to_key(published)
        shown = published.replace("{}", "{id}")
        if key not in served:
            path = key.partition(" ")[2]
            yield shown, "not served", next(why for begin, why in NOT_SERVED if path.startswith(begin))
        elif key in DIFFERS:
            yield shown, "differs", DIFFERS[key]
        else:
            yield shown, "served", ""


def _to_key(path: str) -> str:
    return re.sub(r"\{\w*\}", "{}", path)


def to_table() -> str:
    rows = sorted(list_rows(), key=lambda row: (row[0].partition(" ")[2], row[0]))
    lines = [" ".join(filter(None, (f"| `{path}` | {status} |", why, "|"))) for path, status, why in rows]
    return "\n".join([BEGIN, "", "| path | status | |", "|---|---|---|", *lines, "", END])


def to_page(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return before + to_table() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(to_page(PAGE.read_text("utf-8")), "utf-8")
