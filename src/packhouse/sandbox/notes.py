"""What Packhouse thought of a request: what it passed over in silence, normalised, warned of, or refused."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from packhouse.kit.db import Reader
from packhouse.kit.http.routing import Route
from packhouse.orders import plain, search
from packhouse.orders.profile import PROFILES
from packhouse.sandbox import shapes, spellings
from packhouse.sandbox.journal import Entry, Note
from packhouse.shipping import queries as shipments
from packhouse.shipping.setup import rules
from packhouse.shipping.setup.setup_schema import Setup

_MOST = 100
_MOST_OF_A_KIND = 20
_LABELS = ("/api/v3/orders/create-label-sync", "/api/v3/orders/create-labels-async")


def find_notes(entry: Entry, route: Route | None, profile: str) -> list[Note]:
    """The first hundred, each with its place."""
    found = islice(_find_all(entry, route, profile), _MOST)
    return list(dict.fromkeys(found))


def _find_all(entry: Entry, route: Route | None, profile: str) -> Iterator[Note]:
    if route is None:
        if entry.fault is None:
            yield Note("no_route", "This path does not exist.", entry.path)
        return
    told = list(_find_told(entry.response_body.to_value()))
    if route.operation is not None:
        yield from islice(_find_read_otherwise(entry, route, {note.place for note in told}), _MOST_OF_A_KIND * 3)
    yield from told
    if route.operation is not None and entry.fault is None:
        yield from islice(_find_strange_to_clients(entry, route, profile), _MOST_OF_A_KIND)


def _find_read_otherwise(entry: Entry, route: Route, told: set[str]) -> Iterator[Note]:
    """What an answer tells of already is told once."""
    body = entry.request_body.to_value()
    problems = [*spellings.find_problems(route, entry.query, body)]
    if (entry.answered or 500) < 400:
        problems += islice(spellings.find_normalised(route, body), _MOST_OF_A_KIND)
    for problem in problems:
        if problem.place not in told or problem.code == "normalised":
            yield Note(problem.code, problem.detail, problem.place)


def _find_told(answer: Any) -> Iterator[Note]:
    """The errors and the warnings of the answer."""
    if not isinstance(answer, Mapping):
        return
    meta = answer.get("meta")
    warnings = meta.get("warnings", ()) if isinstance(meta, Mapping) else ()
    for kind, entries in (("error", answer.get("errors") or ()), ("warning", warnings)):
        for told in entries:
            if isinstance(told, Mapping):
                place = "".join(map(str, (told.get("source") or {}).values()))
                yield Note(f"{kind}: {told.get('code')}", str(told.get("detail", "")), place)


def _find_strange_to_clients(entry: Entry, route: Route, profile: str) -> Iterator[Note]:
    """What a client that is strict would not accept: one made for the other profile, or from `/openapi.json`."""
    status = entry.answered or 0
    if not 200 <= status < 300:
        return
    mine = PROFILES[profile]
    other_name = next(name for name in PROFILES if name != profile)
    other = PROFILES[other_name]
    if (route.method, route.label) == ("POST", "/api/v3/orders") and mine.upserted_status != other.upserted_status:
        yield Note("strict_client", f"The profile {other_name} answers {other.upserted_status} here.", "status")
    value = entry.response_body.to_value()
    if route.method == "GET" and route.label in ("/api/v3/orders", "/api/v3/orders/{id}") and _has_ids(value):
        kind = "a text" if other.id_is_text else "a number"
        yield Note("strict_client", f"In the profile {other_name} the id of an order is {kind}.", "id")
    shape = shapes.find_response(route, status)
    if shape is not None and value is not None:
        for found in shapes.find_mismatches(shape, value):
            yield Note("strict_client", found.detail, "/".join(("", *map(str, found.path))))


def _has_ids(value: Any) -> bool:
    data = value.get("data") if isinstance(value, Mapping) else None
    return bool(data)


def makes_labels(entry: Entry) -> bool:
    """Whether an option is chosen for what the request names."""
    return entry.method == "POST" and entry.path.rstrip("/") in _LABELS


async def find_choices(tx: Reader, account_id: int, setup: Setup, sent: Any, answer: Any) -> Sequence[Note]:
    """Which rule chose the option of each shipment that an answer names, or who else did."""
    data = answer.get("data") if isinstance(answer, Mapping) else None
    listed = data if isinstance(data, list) else [data]
    notes = []
    for made in listed[:_MOST_OF_A_KIND]:
        if isinstance(made, Mapping) and isinstance(made.get("shipment_id"), str):
            found = await shipments.get_shipment(tx, account_id, made["shipment_id"])
            decided = await _find_decision(tx, account_id, setup, sent, found)
            code = orjson.loads(found.row.document)["ship_with"]["properties"]["shipping_option_code"]
            notes.append(Note("option", f"{code}: {decided}.", str(made.get("order_number") or "")))
    return notes


async def _find_decision(tx: Reader, account_id: int, setup: Setup, sent: Any, found: shipments.Shipment) -> str:
    id = orjson.loads(found.row.document).get("rule_id")
    stored = await search.find_stored(tx, account_id, [found.row.for_order])
    if not stored:
        return "the order is gone"
    call = (sent.get("ship_with") if isinstance(sent, Mapping) else None) or {}
    order, integration_id = plain.read(stored[0].document), found.row.integration_id
    choice = rules.choose(setup, call.get("properties") or {}, order, integration_id, apply_rules=id is not None)
    name = setup.rule.get(id, {}).get("name", "")
    return {
        "call": "named by the call",
        "order": "named by the order",
        "rule": f"chosen by the shipping rule {id} “{name}”",
        "default": "the account's default, as no rule was applied",
    }[choice.source]
