"""What the rooms say in English and the page shows: found in their source, so that no text is written twice.

A text with something put into it becomes a template, `There is no {noun} with id {id}.`; a value that is one of two
texts makes two of them. The checks of libraries say what they say: theirs come from the libraries.
"""

import ast
import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AnyUrl, TypeAdapter, ValidationError
from pydantic_core import PydanticKnownError, from_json

import packhouse
from packhouse.shipping import carriers
from packhouse.shipping.carriers import house, letter, post
from packhouse.shipping.setup_schema import BUILT_IN, KINDS

ROOMS = ("accounts", "integrations", "kit", "orders", "privacy", "shipping", "web", "webhooks")
# What only programs and operators are told.
SILENT = (
    "*/api.py", "*/auth.py", "*/tokens.py", "*/openapi.py", "*_api.py", "kit/http.py", "kit/idempotency.py",
    "kit/limits.py", "kit/counters.py", "kit/db/errors.py", "kit/db/replica.py", "kit/db/database.py",
    "orders/profile.py", "orders/demo.py", "shipping/printing.py", "webhooks/outcomes.py", "shipping/customs_forms.py",
    "shipping/slips.py", "shipping/labels.py",
)  # fmt: skip
# Where the text stands among the arguments of what is called.
MAKERS = {
    "Fault": 1, "Flaw": 1, "Notice": 1, "OrderWarning": 1, "Finding": 2, "Broken": 1, "PydanticCustomError": 1,
    "ValueError": 0, "Unreachable": 0, "_refusal": 0, "_one_of": 1,
    "refuse": 1, "Hold": 1, "LeftOut": 2, "ItemUnclear": 2, "Unreadable": 0, "Note": 1, "MappingError": 0,
}  # fmt: skip
KEYWORDS = {"detail", "custom_error_message", "custom_error_context"}
# The kinds of flaws that our shapes know, in the words of the library that finds them.
KNOWN: dict[Any, dict[str, Any]] = {
    "missing": {}, "string_type": {}, "int_type": {}, "float_type": {}, "bool_type": {}, "finite_number": {},
    "int_parsing": {}, "int_parsing_size": {}, "int_from_float": {}, "float_parsing": {}, "dict_type": {},
    "list_type": {}, "greater_than": {"gt": 0}, "greater_than_equal": {"ge": 0}, "less_than": {"lt": 0},
    "less_than_equal": {"le": 0}, "literal_error": {"expected": ""}, "url_parsing": {"error": ""},
    "datetime_parsing": {"error": ""}, "string_pattern_mismatch": {"pattern": ""}, "url_type": {},
    "url_scheme": {"expected_schemes": ""},
    "bool_parsing": {}, "union_tag_not_found": {"discriminator": ""},
    "union_tag_invalid": {"tag": "", "discriminator": "", "expected_tags": ""},
}  # fmt: skip
# The same where the words depend on a number, or on JSON being what was read.
COUNTED = (
    "String should have at least {min_length} character", "String should have at least {min_length} characters",
    "String should have at most {max_length} character", "String should have at most {max_length} characters",
    "List should have at least {min_length} item after validation, not {actual_length}",
    "List should have at least {min_length} items after validation, not {actual_length}",
    "List should have at most {max_length} item after validation, not {actual_length}",
    "List should have at most {max_length} items after validation, not {actual_length}",
    "Input should be a valid array", "Input should be an object",
)  # fmt: skip
# Parts of texts that are put together elsewhere than in one place.
PARTS = (
    "any", "from {low} {unit}", "up to {high} {unit}", "from {low} {unit} up to {high} {unit_2}", "the tag", "the SKU",
    "from {origin} to {destination}", "{why} ({place}).", "Invalid JSON: {msg} at line {lineno} column {colno}",
    "field larger than field limit ({limit})", "unknown: {found}", "repeated: {found}",
    "unknown: {found}; repeated: {found_2}", "Cancelled in the shop.", "Nothing to be shipped, like a gift card.",
    "This item was cancelled.", "{why} (line {line})",
)  # fmt: skip
EMAILS = ("x", "@x.nl", "x@", "x@y", "a..b@x.nl", ".a@x.nl", "a.@x.nl", "x@-a.nl", "x@a..nl", "x@.nl", "x@a.nl.")
URLS = ("", "x", "http://", "http://a:x", "http://[", "http://a b")
INSTANTS = ("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:61:00Z")
JSONS = (
    "", "{", '{"a" 1}', '{"a":1 "b"}', "[1 2]", "{a:1}", '{"a":1,}', "[1,]", '"a', '"\n"', r'"\x"', r'"\u12"',
    r'"\ud800"', r'"\ud800\u0020"', "1 2", '{"a":', "{1:2", "01", "[1", "nul", "-",
)  # fmt: skip
CSVS = ('"a', '"a"b')

Scope = dict[str, list[ast.expr]]


def find_texts() -> set[str]:
    return {
        *(text for path in find_files() for text in Module(path).find()),
        *(PydanticKnownError(kind, context).message_template for kind, context in KNOWN.items()),
        *COUNTED,
        *PARTS,
        *(kind.noun for kind in KINDS.values()),
        *_find_of_libraries(),
        *find_names(),
    }


def find_names() -> set[str]:
    """Of the carriers that are ours and what they offer, and of the contracts that each account gets."""
    ours: Sequence[carriers.Carrier] = (house.House(), letter.Letter(), post.Post())
    options = (option.name for carrier in ours for option in carrier.options())
    return {*options, *(carrier.name for carrier in ours), *BUILT_IN.values()}


def find_files() -> Iterator[Path]:
    root = Path(packhouse.__file__).parent
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            if not any(path.relative_to(root).match(pattern) for pattern in SILENT):
                yield path


def _find_of_libraries() -> Iterator[str]:
    for text in EMAILS:
        try:
            validate_email(text, check_deliverability=False)
        except EmailNotValidError as error:
            yield str(error)
    for kind, texts in ((AnyUrl, URLS), (datetime, INSTANTS)):
        for text in texts:
            try:
                TypeAdapter(kind).validate_python(text)
            except ValidationError as error:
                yield error.errors()[0]["ctx"]["error"]
    yield from _find_of_readers()


def _find_of_readers() -> Iterator[str]:
    for text in JSONS:
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            yield error.msg
        try:
            from_json(text)
        except ValueError as error:
            yield str(error).partition(" at line ")[0]
    for text in CSVS:
        try:
            list(csv.reader([text], strict=True))
        except csv.Error as error:
            yield str(error)


class Module:
    """One file, and the texts in it that somebody may be told."""

    def __init__(self, path: Path) -> None:
        self.tree = ast.parse(path.read_text("utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.constants = _find_assignments(n for n in self.tree.body if isinstance(n, ast.Assign))

    def find(self) -> set[str]:
        found: set[str | None] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= set(self._find_in(node, _find_assignments([node])))
            elif isinstance(node, ast.Assign) and node in self.tree.body:
                found |= set(self._find_in(node, {}))
        return {text for text in found if text is not None and any(map(str.isalpha, _bare(text)))}

    def _find_in(self, node: ast.AST, scope: Scope) -> Iterator[str | None]:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                for told in _find_told(inner):
                    yield from self._texts(told, scope)
            elif isinstance(inner, ast.Yield) and isinstance(inner.value, ast.Tuple):
                yield from self._texts(inner.value.elts[-1], scope)

    def _texts(self, node: ast.expr, scope: Scope, steps: int = 4) -> set[str | None]:
        """Every text that it may be; None stands for one that is not written here. Names and calls are followed for a
        few steps."""
        match node:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.JoinedStr(values=parts):
                return {_join(several) for several in product(*(self._parts(part, scope, steps) for part in parts))}
            case ast.IfExp(body=one, orelse=other):
                return self._all([one, other], scope, steps)
            case ast.BoolOp(values=several) | ast.Dict(values=several):
                return self._all(several, scope, steps)
            case ast.NamedExpr(value=inner):
                return self._texts(inner, scope, steps)
            case ast.Name(id=name) if steps and (known := scope.get(name) or self.constants.get(name)):
                return self._all(known, scope, steps - 1)
            case ast.Call(func=ast.Name(id=name)) if steps and name in self.functions:
                function = self.functions[name]
                returns = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
                return self._all(returns, _find_assignments([function]), steps - 1)
        return {None}

    def _all(self, nodes: Sequence[ast.expr], scope: Scope, steps: int) -> set[str | None]:
        return {text for node in nodes for text in self._texts(node, scope, steps)}

    def _parts(self, node: ast.expr, scope: Scope, steps: int) -> set[str]:
        if not isinstance(node, ast.FormattedValue):
            return {text for text in self._texts(node, scope, steps) if text is not None}
        inner = node.value
        is_text = isinstance(inner, ast.Name | ast.IfExp | ast.BoolOp | ast.Constant)
        texts = self._texts(inner, scope, steps) if is_text else {None}
        return {f"{{{_to_name(inner)}}}" if text is None else text for text in texts}


def _find_told(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in MAKERS and len(call.args) > MAKERS[name]:
        yield call.args[MAKERS[name]]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in KEYWORDS)


def _find_assignments(nodes: Iterable[ast.AST]) -> Scope:
    found: Scope = {}
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.NamedExpr(ast.Name(id=name), value):
                found.setdefault(name, []).append(value)
    return found


def _to_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").lower()
        case ast.Call(func=ast.Attribute(attr="join"), args=[one]) | ast.Call(func=ast.Name(id="map"), args=[_, one]):
            return _to_name(one)
        case ast.Call(
            func=ast.Name(id="str" | "sorted" | "len" | "max" | "min") | ast.Attribute(attr="to_text"), args=[one, *_]
        ):
            return _to_name(one)
        case ast.Call(func=func):
            return _to_name(func)
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Subscript(value=value):
            return _to_name(value)
        case ast.BoolOp(values=[one, *_]) | ast.IfExp(body=one):
            return _to_name(one)
    return "value"


def _join(parts: Sequence[str]) -> str:
    """Two values of one name are told apart."""
    made = ""
    for part in parts:
        made += f"{part[:-1]}_2}}" if part.startswith("{") and part in made else part
    return made


def _bare(template: str) -> str:
    """Without what is put into it."""
    while "{" in template:
        before, _, rest = template.partition("{")
        template = before + rest.partition("}")[2]
    return template
