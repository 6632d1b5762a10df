"""What there is in the code stands in the documents, and the other way round."""

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard, get_args

import pytest
import typer
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from starlette.testclient import TestClient

from bench import measures
from packhouse import cli, settings, worker
from packhouse.accounts import audit
from packhouse.shipping import holds
from packhouse.webhooks import schema as webhooks
from tests.docs import documents
from tests.docs.documents import DOCUMENTS, name_of, read, read_table
from tests.test_house import PACKAGE, ROOT, targets

CODE = re.compile(r"`([^`]+)`")
# The kinds of change that a newcomer comes with, whatever else the table has.
CHANGES = {
    "filter or sort", "field", "promoted column", "error", "message", "setting", "table", "job", "webhook event",
    "carrier", "label format", "paper size", "language", "page", "route", "import preset", "dependency",
}  # fmt: skip
TASKS = {
    "start.md", "push-orders.md", "shipping.md", "pack.md", "packing-station.md", "webhooks.md", "integrate.md",
    "operations.md", "scaling.md", "extend.md",
}  # fmt: skip
REFERENCES = {"api.md", "configuration.md", "cli.md", "files.md"}
README_LINES = 60
SETTINGS = PACKAGE / "settings.py"


def list_modules() -> set[str]:
    """By their place in the package; a package's empty first file is none."""
    found = (path for path in PACKAGE.rglob("*.py") if path.parent.name != "versions")
    return {path.relative_to(PACKAGE).as_posix() for path in found if path.read_text("utf-8").strip()}


def test_the_tour_names_every_module_and_no_other() -> None:
    sections = re.split(r"^### `packhouse/|^### `", read("docs/tour.md"), flags=re.MULTILINE)[1:]
    named = [
        section.partition("`")[0] + module
        for section in sections
        for row in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
        for module in CODE.findall(row)
    ]
    assert len(named) == len(set(named))
    assert set(named) ^ list_modules() == set()


def test_the_tour_follows_a_request_through_files_that_exist() -> None:
    text = read("docs/tour.md").partition("## Every module")[0]
    named = [name for name in CODE.findall(text) if re.fullmatch(r"[\w/]+/\w+\.py", name)]
    assert len(named) > 10
    assert [name for name in named if not (PACKAGE / name).is_file()] == []


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_where_a_change_goes_is_said(change: str) -> None:
    rows = dict(read_table(read("CONTRIBUTING.md"), "Where a change goes"))
    assert change in rows


@pytest.mark.parametrize(
    "row", read_table(read("CONTRIBUTING.md"), "Where a change goes"), ids=lambda row: row[0].replace(" ", "-")
)
def test_where_a_change_goes_there_are_such_files(row: list[str]) -> None:
    named = CODE.findall(row[1])
    places = {name: place for name in named if (place := find_place(name)) is not None}
    general = {"tables.py", "erasure.py", "api.py", "openapi.py"}
    paths = [name for name in named if re.fullmatch(r"[\w./-]*(?:/[\w.-]+|\.(?:py|md|toml|txt))", name)]
    assert [name for name in paths if name not in places and name not in general and name != "/openapi.json"] == []
    assert places
    texts = "".join(place.read_text("utf-8") for place in places.values() if place.is_file())
    assert [name for name in named if name.isupper() and not re.search(rf"\b{name}\b", texts)] == []


def find_place(name: str) -> Path | None:
    return next((base / name for base in (PACKAGE, ROOT) if re.match(r"[\w.]", name) and (base / name).exists()), None)


def list_settings() -> dict[str, tuple[str, str]]:
    """Default and meaning of each, as documented."""
    rows = re.findall(r"^\| `PACKHOUSE_(\w+)` \| (.+?) \| (.+) \|$", read("docs/configuration.md"), re.MULTILINE)
    return {name.lower(): (default, meaning) for name, default, meaning in rows}


def test_every_setting_has_its_row() -> None:
    assert list(list_settings().keys() ^ settings.Settings.model_fields.keys()) == []


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_a_setting_is_documented_as_it_is(name: str) -> None:
    default, meaning = list_settings()[name]
    field = settings.Settings.model_fields[name]
    assert default == show_default(field.default)
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", meaning)}
    assert set(list_bounds(field)) <= numbers
    assert {choice for choice in list_choices(field) if f"`{choice}`" not in meaning} == set()


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_a_setting_is_described_alike_in_the_code(name: str) -> None:
    _, meaning = list_settings()[name]
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", meaning).removesuffix(".")
    described = list_descriptions()[name].removesuffix(".")
    assert described[0].lower() + described[1:] == plain[0].lower() + plain[1:]


@functools.cache
def list_descriptions() -> dict[str, str]:
    """The text below each field of the settings, on one line."""
    [body] = [node.body for node in ast.walk(ast.parse(SETTINGS.read_text("utf-8"))) if is_settings(node)]
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def is_settings(node: ast.AST) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef) and node.name == settings.Settings.__name__


def show_default(value: Any) -> str:
    assert value is not PydanticUndefined
    if value in (None, "", frozenset()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def list_bounds(field: FieldInfo) -> Iterator[int]:
    """The bounds that a reader should know; that a time is more than nothing goes without saying."""
    for rule in field.metadata:
        if isinstance(rule, Ge):
            yield int(rule.ge)  # type: ignore[call-overload]
        elif isinstance(rule, Le):
            yield int(rule.le)  # type: ignore[call-overload]
        else:
            assert not isinstance(rule, Gt) or rule.gt == 0


def list_choices(field: FieldInfo) -> tuple[Any, ...]:
    return tuple(choice for choice in get_args(field.annotation) if isinstance(choice, str))


def list_commands() -> Iterator[tuple[str, list[Any]]]:
    """Every command by its words, with its parameters."""
    waiting: list[tuple[list[str], Any]] = [([], typer.main.get_command(cli.app))]
    while waiting:
        words, command = waiting.pop()
        if getattr(command, "invoke_without_command", False) and words:
            yield " ".join(words), command.params
        if hasattr(command, "commands"):
            waiting += [([*words, name], command.commands[name]) for name in command.commands]
        else:
            yield " ".join(words), command.params


def test_every_command_and_option_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z][^`]*)` \| (.+?) \|(.*)\|$", read("docs/cli.md"), re.MULTILINE)
    documented = {re.sub(r" +[A-Z…].*", "", command): set(re.findall(r"--[a-z-]+", rest)) for command, _, rest in rows}
    common = {"--json", "--account", "--help"}
    there = {
        name: {option for given in params for option in [*given.opts, *given.secondary_opts] if option[:2] == "--"}
        for name, params in list_commands()
    }
    assert documented == {name: options - common for name, options in there.items()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_within_the_text_exist(path: Path) -> None:
    """They are not run, for they leave out what the reader knows: account, ids, passwords."""
    there = {name: {option for given in params for option in given.opts} for name, params in list_commands()}
    unknown = []
    for words in list_told_commands(path.read_text("utf-8")):
        names = [" ".join(words[:length]) for length in (3, 2, 1)]
        name = next((name for name in names if name in there), None)
        is_group = any(known.startswith(f"{names[-1]} ") for known in there)
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if not (name or is_group) or options - there.get(name or "", set()) - {"--help"}:
            unknown.append(" ".join(words))
    assert unknown == []


def list_told_commands(text: str) -> list[list[str]]:
    """The words after `packhouse`, of what stands in the prose and of what is not run."""
    scripts = [block.source for block in documents.list_blocks(text) if block.reason]
    lines = CODE.findall(documents.without_blocks(text)) + [line for script in scripts for line in script.splitlines()]
    found = [re.search(r"(?:^|exec \w+ |/)packhouse (?![-\\])(.+)", line) for line in lines]
    return [match[1].split() for match in found if match is not None]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_targets_and_benchmarks_within_the_text_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    blocks = [line for block in documents.list_blocks(text) for line in block.source.splitlines()]
    code = "\n".join([*CODE.findall(documents.without_blocks(text)), *blocks])
    assert set(re.findall(r"\bmake ([a-z][a-z-]+)", code)) <= targets().keys()
    assert [
        name for name in re.findall(r"python -m bench\.(\w+)", code) if not (ROOT / "bench" / f"{name}.py").is_file()
    ] == []
    runs = re.findall(r"(?:make bench|python -m bench)( .+)", code)
    assert {name for run in runs for name in re.findall(r"--only ([a-z-]+)", run)} <= measures.MEASURES.keys() | {
        "postgresql"
    }
    files = re.findall(r"\b(?:tests|docs|src|bench)/[\w./-]*\w", code)
    assert [name for name in files if not (ROOT / name).exists()] == []


def list_routes(client: TestClient) -> set[str]:
    """The paths of the API, with {} for each of their parameters."""
    paths = client.get("/openapi.json").json()["paths"]
    return {re.sub(r"{\w+}", "{}", path) for path in paths}


@pytest.mark.one_database
def test_paths_within_the_text_exist_and_the_reference_has_all(serve: Any) -> None:
    routes = list_routes(serve())
    others = {"/docs", "/openapi.json", "/metrics", "/health", "/orders/live", "/sign-in"}
    known = routes | {route.removeprefix("/api/v3") for route in routes} | others
    named: dict[str, set[str]] = {name_of(path): set(find_paths(path.read_text("utf-8"))) for path in DOCUMENTS}
    del named["docs/compatibility.md"]  # names what is not served; a test of its own holds it to the routes
    assert {name: unknown for name, paths in named.items() if (unknown := paths - known)} == {}
    text = re.sub(r"{\w+}", "{}", read("docs/api.md"))
    parts = {"/api/packhouse": "", "/api/v3": ""}
    short = {re.sub("|".join(parts), "", route) for route in routes} - others
    missing = {
        route for route in short if route.removesuffix("/{}") not in text and route.rpartition("/")[0] not in text
    }
    assert missing == set()


def find_paths(text: str) -> Iterator[str]:
    """What follows a method within code, as a path with {} for its parameters."""
    for code in CODE.findall(documents.without_blocks(text)):
        for path in re.findall(r"(?:GET|POST|PATCH|DELETE|PUT) (/[\w/{}.-]*\w}?)", code):
            yield re.sub(r"{\w+}", "{}", path)


def test_every_event_is_documented_and_no_other() -> None:
    rows = read_table(read("docs/webhooks.md"), "Events")
    assert sorted(row[0].strip("`") for row in rows) == sorted(webhooks.EVENTS)


def test_every_kind_of_job_is_documented_and_no_other() -> None:
    rows = read_table(read("docs/operations.md"), "Jobs")
    assert {kind for row in rows for kind in CODE.findall(row[0])} == worker.KINDS


def test_every_event_of_the_log_is_documented() -> None:
    found = re.compile(r"_log\.(?:warning|error|critical)\(\s*\"([^\"]+)\"")
    logged = {event for path in PACKAGE.rglob("*.py") for event in found.findall(path.read_text("utf-8"))}
    assert len(logged) > 10
    documented = {event for row in read_table(read("docs/operations.md"), "Logs") for event in CODE.findall(row[0])}
    assert logged - documented == set()
    assert documented - logged == {"request"}


def test_every_action_of_the_audit_log_is_documented_and_no_other() -> None:
    text = read("docs/api.md")
    actions = {action for row in read_table(text, "Actions") for action in CODE.findall(row[1])}
    assert actions == set(audit.ACTIONS)
    assert [action for action in audit.REFUSED if f"`{action}`" not in text] == []


@functools.cache
def list_calls() -> list[tuple[str, str]]:
    """Every call in the package whose first argument is a text: the name of what is called, and that text."""
    nodes = (node for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
    named = [(getattr(call.func, "attr", getattr(call.func, "id", "")), call.args[0]) for call in calls]
    return [(name, str(first.value)) for name, first in named if isinstance(first, ast.Constant)]


def find_codes(*names: str) -> set[str]:
    return {text for name, text in list_calls() if name in names}


def documented_codes(heading: str) -> set[str]:
    return {code for row in read_table(read("docs/api.md"), heading) for code in CODE.findall(row[0])}


def test_every_error_code_is_documented_and_no_other() -> None:
    codes = find_codes("ErrorItem", "TokenRefusal") | {code for code in find_codes("__init__") if code.isidentifier()}
    assert len(codes) > 10
    assert documented_codes("Error codes") == codes


def test_every_warning_code_is_documented_and_no_other() -> None:
    codes = find_codes("Notice", "OrderWarning", "_to_warning") | set(holds.CODES)
    assert documented_codes("Warning codes") - {"contradiction"} == codes - {"contradiction"}


@pytest.mark.one_database
def test_every_metric_is_documented_and_no_other(serve: Any) -> None:
    client: TestClient = serve()
    told = re.findall(r"^# TYPE (packhouse_\w+)", client.get("/metrics").text, re.MULTILINE)
    rows = read_table(read("docs/operations.md"), "Metrics")
    documented = {row[0].strip("`") for row in rows}
    assert documented == {name for name in told if not name.endswith("_created")}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    broken = []
    for link in documents.list_links(text):
        place, _, fragment = link.partition("#")
        target = path.parent / place if place else path
        if not target.exists() or (fragment and fragment not in documents.list_anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index_and_every_picture_on_a_page() -> None:
    index = read("docs/README.md")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= set(documents.list_links(index))
    assert set(documents.list_links(index.partition("## Reference")[0])) == TASKS
    assert set(documents.list_links(index.partition("## Reference")[2].partition("## Details")[0])) == REFERENCES
    shown = {Path(link).name for path in DOCUMENTS for link in documents.list_links(path.read_text("utf-8"))}
    assert {path.name for path in (ROOT / "docs").glob("*.png")} <= shown


def test_the_readme_is_short_and_shows_the_profile_beside_the_first_order() -> None:
    text = read("README.md")
    assert len(text.splitlines()) < README_LINES
    assert text.index("![") < text.index("## ")
    order, profile = text.index("/api/v3/orders"), text.index("PACKHOUSE_PROFILE=reference")
    assert 0 < text.count("\n", order, profile) < 20
