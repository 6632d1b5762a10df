"""The served description is valid, and the server does what it says."""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance
from starlette.testclient import TestClient

from tests import make
from tests.concurrency import served
from tests.conftest import OWNER

OPERATIONS = {
    ("/health", "get"),
    ("/api/v3/orders", "get"),
    ("/api/v3/orders", "post"),
    ("/api/v3/orders/{id}", "get"),
    ("/api/v3/orders/{id}", "patch"),
    ("/api/v3/orders/{id}", "delete"),
    ("/api/v3/user/auth/metadata", "get"),
    ("/api/packhouse/orders/{id}/history", "get"),
    ("/api/v3/orders/create-label-sync", "post"),
    ("/api/v3/orders/create-labels-async", "post"),
    ("/api/v3/shipments", "get"),
    ("/api/v3/shipments/{id}", "get"),
    ("/api/v3/shipments/{id}/cancel", "post"),
    ("/api/v3/parcels/{id}/documents/{type}", "get"),
    ("/api/v3/parcel-documents/{type}", "get"),
    ("/api/v3/sender-addresses", "get"),
    ("/api/v3/contracts", "get"),
    ("/api/v3/contracts", "post"),
    ("/api/v3/contracts/schemas", "get"),
    ("/api/v3/contracts/{id}", "get"),
    ("/api/v3/contracts/{id}", "patch"),
    ("/api/v3/contracts/{id}", "delete"),
    ("/api/v3/addresses/sender-addresses", "get"),
    ("/api/v3/addresses/sender-addresses/{id}", "get"),
    ("/api/v3/shipments", "post"),
    ("/api/v3/shipments/announce", "post"),
    ("/api/v3/shipments/announce-with-shipping-rules", "post"),
    ("/api/v3/shipments/create-with-shipping-rules", "post"),
    ("/api/v3/shipping-options", "post"),
    ("/api/v3/returns", "get"),
    ("/api/v3/returns", "post"),
    ("/api/v3/returns/validate", "post"),
    ("/api/v3/returns/announce-synchronously", "post"),
    ("/api/v3/returns/{id}", "get"),
    ("/api/v3/returns/{id}/cancel", "patch"),
    ("/api/v3/parcels/statuses", "get"),
    ("/api/v3/parcels/tracking", "post"),
    ("/api/v3/parcels/tracking/{tracking_number}", "get"),
    ("/api/v3/parcels/{id}/cancel", "post"),
    ("/api/v2/parcels", "get"),
    ("/api/v2/parcels/{id}", "get"),
    ("/api/v2/labels/{id}", "get"),
    ("/api/v3/service-points", "get"),
    ("/api/v3/service-points/{id}", "get"),
    ("/api/v3/service-points/{id}/check-availability", "post"),
    ("/api/packhouse/service-points/import", "post"),
    ("/api/packhouse/service-points/refresh", "post"),
    ("/api/v2/service-points", "get"),
    ("/api/v2/service-points/{id}", "get"),
    ("/api/v2/service-points/{id}/check-availability", "get"),
    ("/api/v2/carriers", "get"),
    ("/api/v3/fetch-shipping-options", "post"),
    ("/api/v3/compat/shipping-options", "post"),
    ("/api/packhouse/rate-tables", "get"),
    ("/api/packhouse/rate-tables", "post"),
    ("/api/packhouse/rate-tables/{id}", "get"),
    ("/api/packhouse/rate-tables/{id}", "delete"),
    ("/api/packhouse/parcels/{id}/status", "post"),
    ("/api/packhouse/shipments/{id}/confirm", "post"),
    ("/api/packhouse/shipping-settings", "get"),
    ("/api/packhouse/shipping-settings", "patch"),
    ("/api/packhouse/shipping-rules/dry-run", "post"),
    ("/api/packhouse/orders/validate", "post"),
    *(
        (f"/api/packhouse/{kind}{at}", method)
        for kind in ("sender-addresses", "contracts", "brands", "shipping-rules")
        for at, method in (("", "get"), ("", "post"), ("/{id}", "get"), ("/{id}", "patch"), ("/{id}", "delete"))
    ),
    ("/api/v3/event-subscriptions/connections", "get"),
    ("/api/v3/event-subscriptions/connections", "post"),
    ("/api/v3/event-subscriptions/connections/{id}", "get"),
    ("/api/v3/event-subscriptions/connections/{id}", "patch"),
    ("/api/v3/event-subscriptions/connections/{id}", "delete"),
    ("/api/v3/event-subscriptions/connections/{id}/authorization", "post"),
    ("/api/v3/event-subscriptions/subscriptions", "get"),
    ("/api/v3/event-subscriptions/subscriptions", "post"),
    ("/api/v3/event-subscriptions/subscriptions/{id}", "get"),
    ("/api/v3/event-subscriptions/subscriptions/{id}", "patch"),
    ("/api/v3/event-subscriptions/subscriptions/{id}", "delete"),
    ("/api/v3/event-subscriptions/broadcast/test/{id}", "post"),
    ("/api/packhouse/event-subscriptions/connections/{id}/resume", "post"),
    ("/api/packhouse/event-subscriptions/connections/{id}/signing-key", "get"),
    ("/api/packhouse/event-subscriptions/connections/{id}/signing-key", "post"),
    ("/api/packhouse/event-subscriptions/connections/{id}/signing-key/activate", "post"),
    ("/api/packhouse/integrations/{id}/signing-key", "get"),
    ("/api/packhouse/integrations/{id}/signing-key", "post"),
    ("/api/packhouse/integrations/{id}/signing-key/activate", "post"),
    ("/api/packhouse/integrations/{id}/webhook", "get"),
    ("/api/packhouse/integrations/{id}/webhook/resume", "post"),
    ("/api/packhouse/deliveries", "get"),
    ("/api/packhouse/deliveries/{id}", "get"),
    ("/api/packhouse/deliveries/{id}/replay", "post"),
    ("/api/packhouse/audit-log", "get"),
    ("/api/packhouse/persons/erase", "post"),
    ("/api/packhouse/persons/export", "post"),
    ("/api/packhouse/privacy", "get"),
    ("/api/packhouse/privacy", "patch"),
    ("/api/packhouse/clients", "get"),
    ("/api/packhouse/clients", "post"),
    ("/api/packhouse/clients/{client_id}", "delete"),
    ("/api/packhouse/clients/{client_id}/rotate", "post"),
    ("/oauth2/token", "post"),
    ("/oauth2/revoke", "post"),
    ("/api/packhouse/integrations", "post"),
    ("/api/v3/integrations", "get"),
    ("/api/v3/integrations/logs", "get"),
    ("/api/v3/integrations/{id}", "get"),
    ("/api/v3/integrations/{id}", "patch"),
    ("/api/v3/integrations/{id}", "delete"),
    ("/api/v3/integrations/{id}/logs", "get"),
    ("/api/v3/integrations/{id}/logs", "post"),
    ("/api/v3/shop-order-statuses", "get"),
    ("/api/v3/shop-order-statuses", "post"),
    ("/api/v3/shop-order-statuses/mapping", "get"),
    ("/api/v3/shop-order-statuses/mapping", "post"),
}

DEPENDING = {
    "/api/packhouse/event-subscriptions/connections/{id}/signing-key/activate",
    "/api/packhouse/integrations/{id}/signing-key/activate",
    "/api/packhouse/rate-tables",
    "/api/v3/contracts",
    "/api/v3/contracts/schemas",
    "/api/v3/event-subscriptions/connections",
    "/api/v3/event-subscriptions/subscriptions",
    "/api/v3/fetch-shipping-options",
    "/api/v3/returns",
    "/api/v3/returns/announce-synchronously",
    "/api/v3/returns/validate",
    "/api/v3/parcels/tracking",
    "/api/v3/shipments",
    "/api/v3/shipments/announce",
    "/api/v3/shipments/announce-with-shipping-rules",
    "/api/v3/shipments/create-with-shipping-rules",
    "/api/v3/shipping-options",
    "/api/v3/orders/create-label-sync",
    "/api/v3/orders/create-labels-async",
    "/api/v3/parcel-documents/{type}",
    "/api/v3/parcels/{id}/documents/{type}",
    "/api/packhouse/parcels/{id}/status",
    "/api/packhouse/persons/erase",
    "/api/packhouse/persons/export",
    "/api/packhouse/service-points/import",
    "/api/packhouse/service-points/refresh",
    "/api/packhouse/shipping-rules",
    "/api/v2/service-points",
    "/api/v3/service-points",
    "/api/packhouse/shipping-rules/dry-run",
}


@pytest.fixture
def both(new_database: Callable[[str], str], tmp_path: Path) -> Iterator[list[served.Server]]:
    """A server with three orders on each kind of database."""
    with ExitStack() as stack:
        found = []
        for backend in ("sqlite", "postgresql"):
            settings = {"secret_key": "a key for tests", "webhooks_allow_private": True}
            server = stack.enter_context(served.serve(new_database(backend), tmp_path / f"{backend}.log", **settings))
            with server.client() as client:
                for n in range(3):
                    client.post("/api/v3/orders", json=[make.order(f"o-{n}")]).raise_for_status()
            found.append(server)
        yield found


@pytest.fixture
def document(serve: Callable[..., TestClient]) -> Any:
    return serve().get("/openapi.json").json()


def complete_order(sent: dict[str, Any]) -> dict[str, Any]:
    """What no schema of a single request knows: which shop there is, and that a new order needs what it does not send.

    A subdivision belongs to its country and an `id` to an order of the account: these are taken out.
    """
    whole = make.order(order_id=sent.get("order_id", "o-new"))
    made = {**whole, **{name: value for name, value in sent.items() if name != "id"}}
    for container in ("order_details", "payment_details"):
        made[container] = {**whole[container], **made[container]}
    made["order_details"]["integration"] = {"id": make.SHOP}
    for part in ("shipping_address", "billing_address"):
        if part in made:
            made[part] = {name: value for name, value in made[part].items() if name != "state_province_code"}
    if "service_point_details" in made:
        made["service_point_details"] = {**made["service_point_details"], "id": "1"}
    return made


def write_plainly(value: Any, name: str = "") -> Any:
    """What no schema here says: JSON Schema calls 1.0 an integer too, a free object may hold no integer past 64 bits,
    and an e-mail's domain must be one that can receive, while to the format's grammar any word is a domain."""
    if isinstance(value, dict):
        return {key: write_plainly(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [write_plainly(inner) for inner in value]
    if isinstance(value, int | float) and abs(value) >= 2**53:
        return 7
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return "ada@example.com" if name == "email" and isinstance(value, str) else value


CATEGORIES = ("READY_TO_SEND", "IN_TRANSIT", "DELIVERED", "CANCEL")


def complete_statuses(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Which shop there is, and that a status, a language and a category stand once each, is in no schema either."""
    if path == "/api/v3/shop-order-statuses":
        for number, status in enumerate(body["statuses"]):
            status["external_id"] = f"{number}"
            status["translations"] = status["translations"][:1]
    elif path == "/api/v3/shop-order-statuses/mapping":
        for category, entry in zip(CATEGORIES, body["mapping"], strict=True):
            entry.update(status_category=category, external_id=None)
    else:
        return body
    return {**body, "integration_id": make.SHOP}


def spare_the_shop(context: Any, parameters: Any) -> Any:
    """The other calls need it: what is deleted is one that nobody has."""
    is_deletion = context.operation.path == "/api/v3/integrations/{id}" and context.operation.method == "delete"
    return {**parameters, "id": 10**9} if is_deletion else parameters


def complete_batch(context: Any, body: Any) -> Any:
    body = write_plainly(body)
    if isinstance(body, dict):  # every call here carries its credentials by HTTP Basic, and once is enough
        body = {name: value for name, value in body.items() if name not in ("client_id", "client_secret")}
        return complete_statuses(context.operation.path, body)
    return [complete_order(order) for order in body] if isinstance(body, list) else body


def name_no_stranger(_context: Any, query: Any) -> Any:
    named = {name: str(make.SHOP) for name in ("integration", "integration_id") if query and name in query}
    return {**query, **named} if named else query


def name_no_partner(_context: Any, headers: Any) -> Any:
    return {n: v for n, v in headers.items() if n not in ("Sendcloud-Partner-Id", "If-Match")} if headers else headers


def is_without_null_characters(_context: Any, case: Any) -> bool:
    """U+0000 is refused everywhere, which JSON Schema could only say with a pattern at every text."""
    return "\\u0000" not in json.dumps([case.body, case.query, case.headers], default=repr)


def has_no_empty_value(_context: Any, query: Any) -> bool:
    """A parameter without a value counts as not sent, whatever its schema."""
    return not any(map(is_empty, (query or {}).values()))


def is_empty(value: Any) -> bool:
    """It is written as nothing: so is a list of such, or an object with such names, for its names alone are sent."""
    return value in ("", None) or (isinstance(value, list | dict) and all(map(is_empty, value)))


def shorten_lists(document: Any) -> None:
    """To three entries at most, in what is sent: lists as long as they may be took three quarters of the making of all
    calls, most of which was thrown away as too large. How long a list may be is held by test_bounds.py."""
    shapes = document["components"]["schemas"]
    for name in list(shapes):
        shapes[f"Sent{name}"] = shortened(shapes[name])
    for described in operations_of(document):
        if "requestBody" in described:
            described["requestBody"] = shortened(described["requestBody"])


def shortened(part: Any) -> Any:
    if isinstance(part, list):
        return [shortened(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    short = {name: shortened(inner) for name, inner in part.items()}
    if isinstance(part.get("$ref"), str):
        short["$ref"] = part["$ref"].replace("#/components/schemas/", "#/components/schemas/Sent")
    if part.get("type") == "array":
        short["maxItems"] = max(part.get("minItems", 0), min(part.get("maxItems", 3), 3))
    return short


# Making up the calls takes long: so many tests of some operations each, that workers do side by side.
PARTS = 3
# The calls made up for an operation are the same each time. A deeper look is taken with more of them.
EXAMPLES = int(os.environ.get("PACKHOUSE_TEST_EXAMPLES", "10"))


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_server_does_what_its_document_says(both: list[served.Server], mode: GenerationMode, part: int) -> None:
    """Each call is made up once and sent to both."""
    with both[0].client(auth=None) as client:
        document = client.get("/openapi.json").json()
    if mode is GenerationMode.NEGATIVE:  # every call carries credentials, so leaving them out is no bad form of it
        for secured in operations_of(document):
            del secured["security"]
    else:
        shorten_lists(document)
    described = schemathesis.openapi.from_dict(document)
    rejection = described.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "413"]  # a list that is too long may be too large
    described.hook("filter_query")(has_no_empty_value)
    if mode is GenerationMode.POSITIVE:
        described.hook("map_body")(complete_batch)
        described.hook("map_query")(name_no_stranger)
        described.hook("map_path_parameters")(spare_the_shop)
        described.hook("map_headers")(name_no_partner)
        described.hook("filter_case")(is_without_null_characters)
    operations: list[Any] = [found.ok() for found in described.get_all_operations()]  # type: ignore[union-attr]
    assert {(operation.path, operation.method) for operation in operations} == OPERATIONS
    told = []
    for operation in operations[part::PARTS]:
        takes_something = len(operation.body) + len(operation.query) + len(operation.path_parameters)
        if mode is GenerationMode.POSITIVE or takes_something:  # of nothing there is no bad form
            try:
                check(operation, mode, [server.url for server in both])
            except FailureGroup as failures:
                told.append(f"{operation.label}: {failures}")
    assert not told, "\n".join(told)


def check(operation: Any, mode: GenerationMode, urls: Sequence[str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        # Whether a patch is taken depends on what it is merged into, and whether something is shipped or chosen on what
        # the account has, which no schema of a request knows.
        depends = case.method == "PATCH" or operation.path in DEPENDING
        left_out: list[Any] = [positive_data_acceptance] if depends else []
        if operation.path == "/api/packhouse/orders/validate":  # that tells what is wrong, and is no refusal
            left_out.append(negative_data_rejection)
        for url in urls:
            case.call_and_validate(base_url=url, auth=OWNER, excluded_checks=left_out)
            left_out = [*left_out, ignored_auth]  # who calls is asked before a database's kind matters: once is enough

    run()


def test_no_read_fails_over_what_a_text_of_postgresql_cannot_hold(client: TestClient, document: Any) -> None:
    met = set()
    for path, known in document["paths"].items():
        for parameter in known.get("get", {}).get("parameters", ()):
            met.add(parameter["name"])
            for value in ("%00", "a%00b", "1%00"):
                place = re.sub(r"\{\w+\}", value if parameter["in"] == "path" else "1", path)
                query = f"?{parameter['name']}={value}" if parameter["in"] == "query" else ""
                answer = client.get(place + query)
                assert answer.status_code != 500, (place, query, answer.text)
    assert met >= {"id", "event_type", "order_number", "status", "cursor", "carrier_code"}
    answer = client.get("/api/v3/event-subscriptions/subscriptions?event_type=a%00b")
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["detail"]) == (400, "String should not contain U+0000")
    assert fault["source"] == {"parameter": "event_type"}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {(path, method) for path, known in document["paths"].items() for method in known} == OPERATIONS
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert jsonschema_rs.validator_for({**document, "$ref": f"#/components/schemas/{name}"})
    for described in operations_of(document):
        assert described["summary"]
        assert described["responses"]
        assert all(answer["description"] for answer in described["responses"].values())


def operations_of(document: Any) -> Iterator[Any]:
    for known in document["paths"].values():
        yield from known.values()


def references_of(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references_of(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references_of(inner)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_reference_of_the_document_leads_somewhere(document: Any) -> None:
    found = set(references_of(document))
    assert "#/components/schemas/Order" in found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_operation_has_a_name_of_its_own_and_says_who_may_call_it(document: Any) -> None:
    names = [operation["operationId"] for operation in operations_of(document)]
    assert len(set(names)) == len(names) == len(OPERATIONS)
    schemes = document["components"]["securitySchemes"]
    assert set(schemes) == {"HTTPBasicAuth", "OAuth2ClientCreds"}
    for path, known in document["paths"].items():
        for operation in known.values():  # tests/accounts/test_scopes.py holds the scopes to the routes
            assert bool(operation["security"]) == path.startswith("/api/")


def test_an_order_as_stored_fits_its_description(client: TestClient, document: Any) -> None:
    fits = jsonschema_rs.validator_for({**document, "$ref": "#/components/schemas/StoredOrder"})
    [receipt] = client.post("/api/v3/orders", json=[make.order("o-1")]).json()["data"]
    order = client.get(f"/api/v3/orders/{receipt['id']}").json()["data"]
    assert fits.is_valid(order)
    assert not fits.is_valid({**order, "order_number": 1})
    assert not fits.is_valid({name: value for name, value in order.items() if name != "created_at"})
