"""`/openapi.json`, made of the records that requests are matched and checked by."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

import packhouse
from packhouse.accounts import openapi as accounts
from packhouse.integrations import openapi as integrations
from packhouse.kit import http
from packhouse.kit.http.routing import Route
from packhouse.orders import openapi as orders
from packhouse.privacy import openapi as privacy
from packhouse.shipping import openapi as shipping
from packhouse.shipping.direct import openapi as direct
from packhouse.shipping.following import openapi as following
from packhouse.shipping.rates import openapi as rates
from packhouse.shipping.returns import openapi as returns
from packhouse.shipping.service_points import openapi as service_points
from packhouse.webhooks import openapi as webhooks

_DESCRIPTION = (
    "Shops push their orders in; the warehouse sees what is incoming, corrects it, packs and ships. "
    "Paths below `/api/v3` are those of the published API, paths below `/api/packhouse` are this server's own."
)
_TAGS = {
    "Orders": "Orders as shops send them, and their history.",
    "Shipping": "Labels, shipments, parcels and their documents.",
    "Returns": "Labels from customers to the account.",
    "Shipping set-up": "Sender addresses, contracts, brands and rules of an account.",
    "Integrations": "Connected shops, their logs and their words for order statuses.",
    "Webhooks": "Who is sent which events, and what became of each delivery.",
    "Account": "Keys, clients and the audit log.",
    "Sign-in": "Access tokens (OAuth2 client credentials).",
    "Personal data": "Exporting and erasing what is stored about a person; how long it is kept.",
    "Service points": "Places of carriers where parcels are handed over.",
    "Server": "The state of this server.",
}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes that are part of the API."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.operation is not None:
            paths.setdefault(route.label, {})[route.method.lower()] = _to_operation(route)
    packages = (
        accounts,
        orders,
        integrations,
        shipping,
        direct,
        returns,
        following,
        rates,
        service_points,
        webhooks,
        privacy,
    )
    shapes = {name: shape for package in packages for name, shape in package.to_components().items()}
    shapes, paths = _merge_equal({**shapes, **http.ERROR_SCHEMAS}, paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Packhouse",
            "summary": "An order service, compatible with the Sendcloud Orders API v3.",
            "description": _DESCRIPTION,
            "version": packhouse.__version__,
            "contact": {"name": "Whoever runs this server"},
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _select_used(shapes, paths),
            "securitySchemes": accounts.SECURITY_SCHEMES,
        },
    }


def _merge_equal(shapes: dict[str, Any], paths: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let shapes that differ in their name alone be one, under the shortest of the names."""
    while True:
        kept: dict[bytes, str] = {}
        for name in sorted(shapes, key=lambda name: (len(name), name)):
            content = {key: value for key, value in shapes[name].items() if key != "title"}
            kept.setdefault(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), name)
        if len(kept) == len(shapes):
            return shapes, paths
        renamed = {
            name: kept[orjson.dumps({k: v for k, v in shape.items() if k != "title"}, option=orjson.OPT_SORT_KEYS)]
            for name, shape in shapes.items()
        }
        shapes = {name: _rename(shape, renamed) for name, shape in shapes.items() if renamed[name] == name}
        paths = _rename(paths, renamed)


def _rename(part: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(part, Mapping):
        found = {key: _rename(value, renamed) for key, value in part.items()}
        if isinstance(reference := found.get("$ref"), str):
            place, _, name = reference.rpartition("/")
            found["$ref"] = f"{place}/{renamed.get(name, name)}"
        return found
    return [_rename(inner, renamed) for inner in part] if isinstance(part, list | tuple) else part


def _select_used(shapes: Mapping[str, Any], paths: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the shapes that no operation leads to. Generators name a class by its title: it is the unique name."""
    used: set[str] = set()
    left = _find_references(paths)
    while left:
        used |= left
        left = _find_references([shapes[name] for name in left if name in shapes]) - used
    return {name: {**shape, "title": name} for name, shape in shapes.items() if name in used}


def _find_references(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        own = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_find_references, part.values()))
    return set().union(*map(_find_references, part)) if isinstance(part, list | tuple) else set()


def _to_operation(route: Route) -> dict[str, Any]:
    handler: Any = getattr(route.handler, "func", route.handler)
    name = route.name or handler.__name__
    description = route.description or inspect.getdoc(handler)
    return {
        "tags": [route.tag],
        "summary": route.summary or name.replace("_", " ").capitalize(),
        **({"description": description} if description else {}),
        "operationId": name,
        **(route.operation or {}),
        "security": accounts.to_security(route.scope),
    }
