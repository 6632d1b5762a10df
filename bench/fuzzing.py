"""How `bench.fuzz` makes requests and judges answers."""

import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import jsonschema_rs
import orjson

_WORDS = (
    "", " ", "a", "0", "-1", "1e999", "null", "true", "NaN", "é", "日本", "\u202e", "🏷️", "'", '"', "<script>", "%00",
    "../..", "\\", "{}", "[]", "a" * 300, "tag:urgent", "2026-03-14", "2026-13-45T99:99:99Z", "NL", "QQ", "EUR",
    "2026-03-14T08:26:53+01:00", "ada@example.com", "http://127.0.0.1/", "javascript:alert(1)", "https://example.com/a",
    "shop-1", "N-1", "\x7f",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 100, 101, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 0.1, 1e308, -0.0)
_ODD: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": {}}, [None], *_NUMBERS, *_WORDS)
_CONTENT_TYPES = (
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-8",
    "",
)


_PAGES = (
    "/", "/orders", "/orders", "/orders/{id}", "/orders/{id}/changed", "/shipments", "/import", "/labels", "/account",
    "/settings", "/settings/integrations", "/settings/integrations/{id}", "/settings/keys", "/settings/users",
    "/settings/rules", "/settings/options", "/settings/webhooks", "/settings/audit", "/sign-in", "/orders/options",
    "/settings/senders", "/static/{id}", "/orders/labels", "/orders/delete", "/docs", "/health", "/metrics",
)  # fmt: skip
_FIELDS = ("q", "show", "shop", "status", "country", "tag", "warnings", "from", "to", "sort", "size", "cursor", "id",
           "csrf", "then", "page_size", "order")  # fmt: skip


class Request(NamedTuple):
    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query} {dict(self.headers)} {self.body[:600]!r}"


class Operation(NamedTuple):
    method: str
    path: str
    description: Mapping[str, Any]


_PAGE = Operation("", "", {"responses": {"503": {}}})


class Generator:
    """Makes requests of one document, and of the page for whoever `cookie` is. `ids` are known to be there; what
    answers show is added to them."""

    def __init__(self, document: Mapping[str, Any], seed: int, cookie: str = "") -> None:
        self._random = random.Random(seed)
        self._cookie = cookie
        self._components = document["components"]
        self._operations = [
            Operation(method.upper(), path, description)
            for path, operations in document["paths"].items()
            for method, description in operations.items()
        ]
        self.ids: list[str] = ["1", "2", "3"]

    def __iter__(self) -> Iterator[tuple[Operation, Request]]:
        while True:
            if self._cookie and self._happens(0.15):
                yield _PAGE, self._make_page()
            else:
                operation = self._random.choice(self._operations)
                yield operation, self._make(operation)

    def _make_page(self) -> Request:
        """A page with whatever in its query, or a form that was not made by it."""
        path = self._random.choice(_PAGES).replace("{id}", quote(self._make_id(), safe=""))
        pairs = [
            (self._random.choice(_FIELDS), str(self._random.choice(_ODD))) for _ in range(self._random.randrange(6))
        ]
        headers = [("cookie", self._cookie), ("accept", self._random.choice(("text/html", "*/*")))]
        if self._happens(0.3):
            headers.append(("hx-request", "true"))
        if self._happens(0.3):
            kind = self._random.choice(("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""))
            return Request("POST", path, "", [*headers, ("content-type", kind)], urlencode(pairs).encode())
        return Request("GET", path, urlencode(pairs), headers, b"")

    def learn(self, content: Any) -> None:
        """Ids of what was made, for later requests to name."""
        found = re.findall(rb'"(?:id|order_id|client_id|uuid)":"?([\w-]{1,60})', content)
        self.ids = [*self.ids[-200:], *(id.decode() for id in found[:5])]

    def _make(self, operation: Operation) -> Request:
        parameters = operation.description.get("parameters", ())
        path = re.sub(r"\{\w+\}", lambda _: quote(self._make_id(), safe=""), operation.path)
        query = [
            (parameter["name"], self._make_text(parameter.get("schema", {})))
            for parameter in map(self._resolve, parameters)
            if parameter["in"] == "query" and self._happens(0.4)
        ]
        if self._happens(0.05):
            query.append((self._random.choice(_WORDS), self._random.choice(_WORDS)))
        headers = [(name, value) for name, value in self._make_headers() if value]
        return Request(operation.method, path, urlencode(query), headers, self._make_body(operation))

    def _make_headers(self) -> Iterator[tuple[str, str]]:
        yield "content-type", self._random.choices(_CONTENT_TYPES, (40, 1, 1, 2, 1))[0]
        if self._happens(0.05):
            yield "if-match", self._random.choice(('"1"', "*", 'W/"1"', '"x"', "1", '"1", "2"'))
        if self._happens(0.1):
            yield "idempotency-key", self._random.choice(("a", "b" * 255, "c" * 256, " ", "d"))
        if self._happens(0.03):
            yield "accept-language", self._random.choice(("nl; q=0.9", "*", ";;;", "de-DE-x-y", "q"))
        if self._happens(0.02):
            yield "sendcloud-partner-id", self._random.choice(_WORDS).encode("ascii", "ignore").decode() or "x"

    def _make_id(self) -> str:
        return self._random.choice(self.ids) if self._happens(0.8) else str(self._random.choice(_ODD)) or "0"

    def _make_text(self, schema: Mapping[str, Any]) -> str:
        if self._happens(0.3):
            return str(self._random.choice(_ODD))
        made = self._make_value(schema, 0)
        return made if isinstance(made, str) else orjson.dumps(made, default=str).decode()

    def _make_body(self, operation: Operation) -> bytes:
        content = operation.description.get("requestBody", {}).get("content", {})
        if not content:
            return b"" if self._happens(0.95) else b"{"
        kind, described = next(iter(content.items()))
        value = self._make_value(described.get("schema", {}), 0)
        if self._happens(0.5):
            value = self._spoil(value)
        if kind != "application/json":
            return urlencode(value).encode() if isinstance(value, dict) else str(value).encode()
        body = _to_json(value)
        return body if self._happens(0.97) else body[: self._random.randrange(len(body) + 1)]

    def _make_value(self, schema: Mapping[str, Any], depth: int) -> Any:
        """One that fits, as far as the schema says it in words that are understood here."""
        schema = self._resolve(schema)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._make_value(self._random.choice(schema[several]), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kind = schema.get("type")
        kind = self._random.choice(kind) if isinstance(kind, list) else kind
        if kind == "object" or "properties" in schema:
            return self._make_object(schema, depth)
        if kind == "array":
            return self._make_array(schema, depth)
        return self._make_scalar(kind, schema)

    def _make_object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        chance = 0.5 / (1 + depth / 2)
        made = {
            name: self._make_value(inner, depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if name in required or self._happens(chance)
        }
        if schema.get("additionalProperties") is True and self._happens(0.3):
            made[self._random.choice(_WORDS)] = self._random.choice(_ODD)
        return made

    def _make_array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        count = self._random.randint(least, max(least, min(schema.get("maxItems", 3), 3)))
        return [self._make_value(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _make_scalar(self, kind: Any, schema: Mapping[str, Any]) -> Any:
        if kind == "integer":
            least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            return self._random.choice((least, least + 1, 1, int(self._make_known_id())))
        if kind == "number":
            return self._random.choice((schema.get("minimum", 0), 1.5, 12.34, 1))
        if kind == "boolean":
            return self._happens(0.5)
        if kind == "null":
            return None
        return self._make_string(schema)

    def _make_known_id(self) -> str:
        return self._random.choice([id for id in self.ids if id.isdecimal() and len(id) < 15])

    def _make_string(self, schema: Mapping[str, Any]) -> str:
        by_format = {
            "date-time": "2026-03-14T08:26:53Z",
            "email": "ada@example.com",
            "uri": "https://example.com/a",
            "uuid": "6f1c9c0e-0d8e-4d3a-9f55-0d0e5a7b1c2d",
        }
        if (found := by_format.get(schema.get("format", ""))) is not None:
            return found
        if "pattern" in schema:
            return self._random.choice(("1.5", "12345", "x", "https://example.com/a", "2026-03-14"))
        if self._happens(0.4):
            return self._random.choice(self.ids)
        letters = self._random.choices(string.ascii_letters + " é", k=self._random.randint(1, 12))
        return "".join(letters)

    def _spoil(self, value: Any) -> Any:
        """The same, but for one place in it."""
        if isinstance(value, dict) and value and self._happens(0.85):
            key = self._random.choice(list(value))
            if self._happens(0.15):
                return {name: inner for name, inner in value.items() if name != key}
            if self._happens(0.1):
                return {**value, self._random.choice(_WORDS): self._random.choice(_ODD)}
            return {**value, key: self._spoil(value[key])}
        if isinstance(value, list) and value and self._happens(0.85):
            if self._happens(0.1):
                return value * self._random.choice((2, 30, 101))
            index = self._random.randrange(len(value))
            return [*value[:index], self._spoil(value[index]), *value[index + 1 :]]
        return self._random.choice(_ODD)

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            *_, kind, name = schema["$ref"].split("/")
            schema = self._components[kind][name]
        return schema

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance


def _to_json(value: Any) -> bytes:
    """Whatever an integer may be: orjson writes those of 64 bits only."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return repr(value).replace("'", '"').replace("None", "null").replace("True", "true").encode()


class Judge:
    """Knows what answers the document promises."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._made: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def find_fault(self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
        """What is wrong with an answer, or None."""
        if status >= 500 and not (status == 503 and "503" in operation.description["responses"]):
            return f"answered {status}"
        if "x-request-id" not in headers:
            return "has no request id"
        if not body or not headers.get("content-type", "").startswith("application/json"):
            return None
        if operation is _PAGE:
            return None
        schema = self._find_schema(operation, status)
        if schema is None:
            return f"answered {status}, which is not documented" if status < 400 else None
        error = next(iter(schema.iter_errors(orjson.loads(body))), None)
        return None if error is None else f"is not of its shape: {error.message[:300]} at {list(error.instance_path)}"

    def _find_schema(self, operation: Operation, status: int) -> jsonschema_rs.Draft202012Validator | None:
        described = operation.description["responses"].get(str(status))
        usual: dict[str, Any] = {"$ref": "#/components/schemas/Errors"}
        if described is None and status >= 400:
            schema: Any = usual
        else:
            content = (described or {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return None
        if status == 404:  # an id with a slash in it makes the path nobody's, not this operation's
            schema = {"anyOf": [schema, usual]}
        key = repr(schema)
        if key not in self._made:
            whole = {**schema, "components": self._document["components"]}
            self._made[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._made[key]
