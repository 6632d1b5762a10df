"""Finds the issues of a value one after another, in order, so that the caller may stop at any of them.

Pydantic lists every error of a value before it returns, and a body of three megabytes can have three million. `Finder`
walks the same schema instead: Pydantic's core checks each part, and only the parts of an invalid one are checked
further. Messages and their order are Pydantic's own.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeAlias, cast

from pydantic_core import ErrorDetails, SchemaValidator, ValidationError, to_json
from pydantic_core import core_schema as cs

from packhouse.kit.messages import Message, message
from packhouse.kit.wire.pydantic_messages import to_message

Path: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = Any  # a core schema: any of Pydantic's TypedDicts
Definitions: TypeAlias = dict[str, Schema]

QUICK = "~quick"
EXACT = "~exact"
"""Labels of the two looks at one value (`kit.fields`): the quick one's errors are never told."""


_REQUIRED = message("Field required")


class Issue(NamedTuple):
    path: Path
    detail: Message
    kind: str


class _Object(NamedTuple):
    """A typed dict. `leaves` checks the fields that contain neither objects nor lists; `before` is the function that
    its schema applies to a value first."""

    quick: SchemaValidator
    before: Callable[[Any], Any]
    leaves: SchemaValidator
    leaf_names: frozenset[str]
    fields: dict[str, "_Node | None"]
    required: frozenset[str]


class _List(NamedTuple):
    """`frame` checks that it is a list of an allowed length; `whole` checks what holds between its items."""

    quick: SchemaValidator
    frame: SchemaValidator
    whole: SchemaValidator | None
    items: "_Node"


class _Choice(NamedTuple):
    """One of several typed dicts, chosen by the value of a key, checked as a whole."""

    quick: SchemaValidator
    key: str
    choices: dict[Any, "_Node"]


class _Leaf(NamedTuple):
    """A value that is checked as a whole."""

    quick: SchemaValidator


_Node: TypeAlias = _Object | _List | _Choice | _Leaf


class Finder:
    """Finds the issues of values of one schema. `schema` is that of a TypeAdapter."""

    def __init__(self, schema: Schema) -> None:
        definitions = {}
        if schema["type"] == "definitions":
            definitions = {known["ref"]: known for known in schema["definitions"]}
            schema = schema["schema"]
        self._definitions = definitions
        self._hasty = [_stop_early(known) for known in definitions.values()]
        self._made: dict[str, _Node] = {}
        self._root = self._make(schema, None)
        self.quick = self._root.quick
        """Stops at the first item of a list that is not valid."""

    def find_issues(self, value: Any) -> Iterator[Issue]:
        return _find(self._root, value, ())

    def find_unknown(self, value: Any) -> Iterator[Path]:
        """Return the places of keys that are not in the shape."""
        return _find_unknown(self._root, value, ())

    def _make(self, schema: Schema, config: Any) -> "_Node":
        kind = schema["type"]
        if kind == "definition-ref":
            ref = schema["schema_ref"]
            if ref not in self._made:
                self._made[ref] = self._make(self._definitions[ref], config)
            return self._made[ref]
        if kind == "typed-dict":
            return self._make_object(schema)
        if kind == "list":
            return self._make_list(schema, schema, config)
        if kind == "function-after" and schema["schema"]["type"] == "list":
            return self._make_list(schema, schema["schema"], config)
        if kind in ("nullable", "function-before"):
            return self._make_wrapped(schema, config)
        if kind == "tagged-union" and isinstance(schema["discriminator"], str):
            choices = {tag: self._make(choice, config) for tag, choice in schema["choices"].items()}
            return _Choice(self._validate(schema, config), schema["discriminator"], choices)
        return _Leaf(self._validate(schema, config))

    def _make_wrapped(self, schema: Schema, config: Any) -> "_Node":
        inner = self._make(schema["schema"], config)
        quick = self._validate(schema, config)
        if schema["type"] == "nullable":
            return inner._replace(quick=quick)
        if isinstance(inner, _Object):
            return inner._replace(quick=quick, before=schema["function"]["function"])
        return _Leaf(quick)

    def _make_object(self, schema: Schema) -> _Object:
        config = schema.get("config")
        nodes = {name: self._make(field["schema"], config) for name, field in schema["fields"].items()}
        leaves = {name for name, node in nodes.items() if isinstance(node, _Leaf)}
        flat = {name: field for name, field in schema["fields"].items() if name in leaves}
        alone = {key: inner for key, inner in schema.items() if key != "ref"}
        return _Object(
            self._validate(schema, config),
            _as_it_is,
            self._validate({**alone, "fields": flat}, config),
            frozenset(leaves),
            {name: None if isinstance(node, _Leaf) else node for name, node in nodes.items()},
            frozenset(name for name, field in schema["fields"].items() if _is_required(schema, field)),
        )

    def _make_list(self, schema: Schema, inner: Schema, config: Any) -> _List:
        frame = {**inner, "items_schema": cs.any_schema()}
        whole = None if schema is inner else self._validate({**schema, "schema": frame}, config)
        items = self._make(inner.get("items_schema", cs.any_schema()), config)
        return _List(self._validate(schema, config), self._validate(frame, config), whole, items)

    def _validate(self, schema: Schema, config: Any) -> SchemaValidator:
        hasty = _stop_early(schema)
        if self._hasty:
            hasty = cs.definitions_schema(hasty, self._hasty)
        return SchemaValidator(hasty, config)


def _as_it_is(value: Any) -> Any:
    return value


def _is_required(schema: Schema, field: Schema) -> bool:
    return bool(field.get("required", schema.get("total", True)))


def _stop_early(schema: Any) -> Any:
    """Return the schema, whose lists and large objects end at the first value that is not valid."""
    if isinstance(schema, dict):
        copied = {key: inner if key in _OPAQUE else _stop_early(inner) for key, inner in schema.items()}
        is_large_object = schema.get("type") == "dict" and schema.get("max_length", _MANY) >= _MANY
        return {**copied, "fail_fast": True} if schema.get("type") == "list" or is_large_object else copied
    if isinstance(schema, list | tuple):
        return type(schema)(map(_stop_early, schema))
    return schema


_MANY = 100
_LONGEST = 5_001

# Parts of a core schema that hold no schemas.
_OPAQUE = frozenset({"cls", "config", "expected", "function", "metadata", "serialization"})


def _find(node: "_Node", value: Any, path: Path) -> Iterator[Issue]:
    if _is_valid(node.quick, value):
        return
    if isinstance(node, _Object):
        yield from _find_in_object(node, value, path)
    elif isinstance(node, _List):
        yield from _find_in_list(node, value, path)
    else:
        yield from _ask(node.quick, value, path)


def _is_valid(validator: SchemaValidator, value: Any) -> bool:
    """In Python, Pydantic treats JSON's types the same; only its messages differ, which `_ask` takes care of."""
    return bool(validator.isinstance_python(value, extra="ignore"))


def _find_in_object(node: _Object, value: Any, path: Path) -> Iterator[Issue]:
    value = _prepare(node, value)
    if not isinstance(value, dict):
        yield from _ask(node.quick, value, path)
        return
    by_name: dict[str, list[Issue]] = {}
    leaves = {name: inner for name, inner in value.items() if name in node.leaf_names}
    for issue in _ask(node.leaves, leaves, path):
        by_name.setdefault(str(issue.path[len(path)]), []).append(issue)
    for name, inner in node.fields.items():
        if inner is None:
            yield from by_name.get(name, ())
        elif name in value:
            yield from _find(inner, value[name], (*path, name))
        elif name in node.required:
            yield Issue((*path, name), _REQUIRED, "missing")


def _prepare(node: _Object, value: Any) -> Any:
    try:
        return node.before(value)
    except ValueError:  # told by who looks at the whole
        return value


def _find_in_list(node: _List, value: Any, path: Path) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield from _ask(node.quick, value, path)
        return
    if not _is_valid(node.frame, value):
        yield from _from_error(node.frame, value, path)
        return
    has_issue = False
    for index, item in enumerate(value):
        for issue in _find(node.items, item, (*path, index)):
            has_issue = True
            yield issue
    if node.whole is not None and not has_issue:
        yield from _from_error(node.whole, value, path)


def _ask(validator: SchemaValidator, value: Any, path: Path) -> Iterator[Issue]:
    """Return the messages that Pydantic has for JSON, which differ from those for Python."""
    try:
        validator.validate_json(to_json(_trim(value, 2)), extra="ignore")
    except ValidationError as error:
        yield from _to_issues(error, path)


def _trim(value: Any, depth: int) -> Any:
    """Return as much of a value as can be wrong in a different way: no limit is longer than what is cut off here."""
    if depth and isinstance(value, dict):
        return {key: _trim(inner, depth - 1) for key, inner in islice(value.items(), _LONGEST)}
    if isinstance(value, list):
        return value[:_LONGEST]
    return value


def _from_error(validator: SchemaValidator, value: Any, path: Path) -> Iterator[Issue]:
    try:
        validator.validate_python(value, extra="ignore")
    except ValidationError as error:
        yield from _to_issues(error, path)


def _to_issues(error: ValidationError, path: Path) -> Iterator[Issue]:
    for detail in list_details(error):
        inner = tuple(step for step in detail["loc"] if step != EXACT)
        yield Issue((*path, *inner), to_message(detail), detail["type"])


def list_details(error: ValidationError) -> list[ErrorDetails]:
    """Leave out the errors of quick checks, because the exact ones report them; an unknown key may have that name."""
    details = error.errors(include_url=False, include_input=False)
    return [detail for detail in details if detail["type"] == "extra_forbidden" or QUICK not in detail["loc"]]


def _find_unknown(node: "_Node | None", value: Any, path: Path) -> Iterator[Path]:
    if isinstance(node, _Choice) and isinstance(value, dict):
        yield from _find_unknown(node.choices.get(str(value.get(node.key))), value, path)
    elif isinstance(node, _Object) and isinstance(value := _prepare(node, value), dict):
        for name, inner in value.items():
            if name not in node.fields:
                yield (*path, name)
            elif (known := node.fields[name]) is not None:
                yield from _find_unknown(known, inner, (*path, name))
    elif isinstance(node, _List) and isinstance(value, list) and not isinstance(node.items, _Leaf):
        for index, item in enumerate(value):
            yield from _find_unknown(cast("_Node", node.items), item, (*path, index))
