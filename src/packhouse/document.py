"""`/openapi.json`, made of the records that requests are matched and checked by."""

import inspect
from collections.abc import Iterable
from typing import Any

import packhouse
from packhouse.accounts import openapi as accounts
from packhouse.integrations import openapi as integrations
from packhouse.kit import http
from packhouse.kit.http.routing import Route
from packhouse.orders import openapi as orders
from packhouse.privacy import openapi as privacy
from packhouse.shipping import openapi as shipping
from packhouse.webhooks import openapi as webhooks


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes that are part of the API."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.operation is not None:
            paths.setdefault(route.label, {})[route.method.lower()] = _to_operation(route)
    packages = (accounts, orders, integrations, shipping, webhooks, privacy)
    shapes = {name: shape for package in packages for name, shape in package.to_components().items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Packhouse",
            "summary": "An order service, compatible with the Sendcloud Orders API v3.",
            "version": packhouse.__version__,
        },
        "paths": paths,
        "components": {
            "schemas": {**shapes, **http.ERROR_SCHEMAS},
            "securitySchemes": accounts.SECURITY_SCHEMES,
        },
    }


def _to_operation(route: Route) -> dict[str, Any]:
    handler: Any = getattr(route.handler, "func", route.handler)
    name = route.name or handler.__name__
    description = inspect.getdoc(handler)
    return {
        "tags": [route.tag],
        "summary": route.summary or name.replace("_", " ").capitalize(),
        **({"description": description} if description else {}),
        "operationId": name,
        **(route.operation or {}),
        "security": accounts.to_security(route.scope),
    }
