"""Messages keep what they were made of, wherever they go; and nobody makes a sentence in another way."""

import ast
import copy
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pytest

import packhouse
from packhouse.kit import messages
from packhouse.kit.messages import Message, message
from tests.web.catalogues import ENGLISH

SOURCES = Path(packhouse.__file__).parent
INNER = message("from {low} {unit}", low=1, unit="kg")
OUTER = message("The order weighs {weight} kg; the rule is for {range}.", weight="3", range=INNER)
PLAIN = message("Field required")


@pytest.fixture
def backend() -> str:
    """None of this depends on the database."""
    return "sqlite"


def parts(told: str) -> object:
    assert isinstance(told, Message)
    return told.template, {name: parts(v) if isinstance(v, Message) else v for name, v in told.values.items()}


def test_a_message_is_its_english_text_and_keeps_its_parts() -> None:
    assert OUTER == "The order weighs 3 kg; the rule is for from 1 kg."
    assert OUTER.template == "The order weighs {weight} kg; the rule is for {range}."
    assert OUTER.values == {"weight": "3", "range": INNER}
    assert orjson.dumps({"detail": OUTER}) == b'{"detail":"The order weighs 3 kg; the rule is for from 1 kg."}'


def test_values_may_hold_what_a_template_would_take_for_a_place() -> None:
    assert message("There is a user {email} already.", email="{name}") == "There is a user {name} already."
    assert messages.foreign("Adresse {street} inconnue") == "Adresse {street} inconnue"


def test_the_parts_survive_an_exception_and_a_copy() -> None:
    assert str(ValueError(OUTER)) is OUTER
    for same in (copy.deepcopy(OUTER), pickle.loads(pickle.dumps(OUTER))):  # noqa: S301 - what we wrote ourselves
        assert parts(same) == parts(OUTER)


@pytest.mark.parametrize("told", [PLAIN, OUTER, messages.foreign("Adresse {street}"), message("{a}", a="")])
def test_the_parts_survive_being_stored(told: Message) -> None:
    in_json = orjson.loads(orjson.dumps(messages.to_stored(told)))
    for restored in (messages.from_stored(in_json), messages.from_column(messages.to_column(told))):
        assert restored == told
        assert parts(restored) == parts(told)


@pytest.mark.parametrize(
    "text",
    [
        "The order weighs 3 kg.",
        "",
        "Adresse {street} inconnue",
        '{"template": 1}',
        '{"template":"{a}"}',
        '{"template":',
    ],
)
def test_what_an_earlier_version_stored_is_read_as_it_is(text: str) -> None:
    assert messages.from_column(text) == text
    assert messages.from_stored(text) == text


def test_messages_are_joined_by_lines() -> None:
    joined = messages.join("\n", [OUTER, PLAIN])
    assert joined == f"{OUTER}\nField required"
    assert list(joined.values.values()) == [OUTER, PLAIN]
    assert parts(messages.join("\n", [OUTER])) == parts(OUTER)
    assert messages.join("\n", []) == ""


def test_what_is_somebodys_in_a_message_can_be_changed() -> None:
    told = message("{detail}: {name}", detail=INNER, name="Ada")
    changed = messages.change(told, lambda text: text.replace("Ada", "-").replace("kg", "lbs"))
    assert changed == "from 1 lbs: -"
    assert messages.change(messages.foreign("Ada is unknown"), lambda text: text.replace("Ada", "-")) == "- is unknown"


# What is told to people, and at which place its text stands among the arguments.
TELLING = {
    "ErrorItem": 1, "ValidationIssue": 1, "Notice": 1, "OrderWarning": 1, "Contradiction": 3, "Hold": 1, "Finding": 2,
    "OddTotal": 1,
    "Broken": 1, "UnknownColumns": 1, "Note": 1, "LeftOut": 2, "ItemUnclear": 2, "Unreadable": 0, "MappingError": 0,
    "NoKey": 0, "Unreachable": 0, "Unavailable": 0, "TokenRefusal": 1, "refuse": 1, "_refusal": 0, "custom_error": 1,
}  # fmt: skip


def find_sentences(tree: ast.AST) -> Iterator[int]:
    """The lines where a text for people is no message: a literal, or put together."""
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in scopes:
        assigned = {
            target.id: node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            told = call.args[TELLING[name] :][:1] if name in TELLING else []
            told += [keyword.value for keyword in call.keywords if name in TELLING and keyword.arg == "detail"]
            for text in told:
                text = assigned.get(text.id, text) if isinstance(text, ast.Name) else text  # noqa: PLW2901
                if any(isinstance(part, ast.Constant | ast.JoinedStr | ast.BinOp) for part in _find_ends(text)):
                    yield text.lineno


def _find_ends(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.IfExp(body=one, orelse=other):
            return [*_find_ends(one), *_find_ends(other)]
        case ast.BoolOp(values=several):
            return [end for one in several for end in _find_ends(one)]
    return [node]


def find_in_sources(find: Callable[[ast.AST], Iterator[int]], but: Sequence[str]) -> list[str]:
    """`orders/queries.py:22` of all that is found outside of the packages `but`."""
    paths = [path for path in sorted(SOURCES.rglob("*.py")) if path.relative_to(SOURCES).parts[0] not in but]
    trees = {path.relative_to(SOURCES): ast.parse(path.read_text("utf-8")) for path in paths}
    return [f"{path}:{line}" for path, tree in trees.items() for line in find(tree)]


def test_what_people_are_told_is_a_message() -> None:
    """Only our client repeats what a server said, and the sandbox speaks English to developers."""
    assert find_in_sources(find_sentences, ["client", "sandbox"]) == []


def find_loose_templates(tree: ast.AST) -> Iterator[int]:
    """Calls of `message` whose template the catalogues cannot find."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "message" and not isinstance(call.args[0], ast.Constant):
            yield call.lineno


def test_a_template_is_a_literal() -> None:
    assert find_in_sources(find_loose_templates, ENGLISH) == []


@pytest.mark.parametrize(
    "source",
    [
        'raise errors.Invalid(errors.ErrorItem("invalid", f"There is no {id}."))',
        'detail = f"There is no {id}."\n    raise ErrorItem("invalid", detail)',
        'raise ErrorItem("invalid", "There is none.")',
        'yield ValidationIssue((), "No " + id)',
        'raise ErrorItem("invalid", message("None.") if id else "Some.")',
        'raise ErrorItem("invalid", detail=f"{id}")',
    ],
)
def test_another_sentence_would_be_seen(source: str) -> None:
    assert list(find_sentences(ast.parse(f"def work(id):\n    {source}\n")))
    assert not list(
        find_sentences(ast.parse('def work(id):\n    raise ErrorItem("invalid", message("No {id}.", id=id))'))
    )


def test_a_template_that_is_no_literal_would_be_seen() -> None:
    assert list(find_loose_templates(ast.parse('message(f"No {id}.")')))
    assert list(find_loose_templates(ast.parse("message(text, id=id)")))
