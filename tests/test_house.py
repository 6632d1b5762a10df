"""The rules of the house that no linter knows. What is refused here is named, with its place."""

import ast
import importlib
import itertools
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from packhouse import settings
from packhouse.kit.db import columns

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "packhouse"

LINES_OF_A_FILE = 500
LINES_OF_A_SCHEMA = 600
LINES_OF_A_FUNCTION = 60
MEDIAN_LINES = 8
P90_LINES = 30

# Tables whose keys may begin with something else than `account_id`. Each needs its reason beside it; there are none.
NOT_BY_ACCOUNT: frozenset[str] = frozenset()

# The hosts that a file of ours may name in a URL, beside this machine and the names that belong to nobody.
HOSTS = {"www.apache.org", "www.w3.org"}  # the second is a name of SVG, which nobody asks
OURS = {"127.0.0.1", "[::1]"}
RESERVED = ("example.com", "example.org", "example.net", ".example", ".test", ".invalid")


RELEASED = (
    "src/packhouse/printing/fonts/",
    "src/packhouse/static/swagger-ui",
    "src/packhouse/web/static/vendor/",
    "tests/browser/vendor/",
)


def files_of(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tracked_texts() -> Iterator[tuple[str, str]]:
    """The files of the repository, and those about to join it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if name.startswith(RELEASED):  # as released by its makers
            continue
        if (path := ROOT / name).is_file() and b"\0" not in (raw := path.read_bytes()):
            yield name, raw.decode("utf-8", "replace")


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, docstring and nested functions included, decorators not."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def is_revision(path: Path) -> bool:
    """A migration is one long list of facts, written once and never edited: it has no budget."""
    return path.parent.name == "versions"


def targets() -> dict[str, bool]:
    """The Makefile's own targets (not the files it makes), and whether each describes itself."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    rules = re.findall(r"^([a-z][a-z-]*):(?!=)(?:.*?## (\S.*))?", makefile, re.MULTILINE)
    return {name: bool(about) for name, about in rules}


def test_no_file_is_longer_than_its_budget() -> None:
    def budget(path: Path) -> int:
        return LINES_OF_A_SCHEMA if path.name == "schema.py" else LINES_OF_A_FILE

    counted = {
        p: len(p.read_text("utf-8").splitlines()) for p in files_of("src", "tests", "bench") if not is_revision(p)
    }
    assert PACKAGE / "kit" / "errors.py" in counted
    assert {str(p.relative_to(ROOT)): n for p, n in counted.items() if n >= budget(p)} == {}


def test_no_function_is_longer_than_its_budget() -> None:
    long = {
        f"{place(path, function.lineno)} {function.name}": length(function)
        for path in files_of("src", "tests", "bench")
        if not is_revision(path)
        for function in functions_of(path)
        if length(function) > LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_functions_are_short_as_a_rule() -> None:
    lengths = [length(function) for path in files_of("src") if not is_revision(path) for function in functions_of(path)]
    assert statistics.median(lengths) <= MEDIAN_LINES
    assert statistics.quantiles(lengths, n=10)[-1] <= P90_LINES


def test_a_docstring_begins_with_a_verb_or_a_noun() -> None:
    """A bare "Of", "As" or "The same" leaves the reader to look for what it belongs to."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    begun = [
        place(path, getattr(node, "lineno", 1))
        for path in files_of("src")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, kinds) and re.match(r"(Of|As|The same)\b", ast.get_docstring(node) or "")
    ]
    assert begun == []


def test_no_function_imports() -> None:
    hidden = [
        place(path, node.lineno)
        for path in files_of("src", "tests", "bench")
        for function in functions_of(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_settings_alone_reads_the_environment() -> None:
    reading = re.compile(r"\bos\.(?:environ|getenv)\b|\bfrom os import\b.*\b(?:environ|getenv)\b|\benvvar\s*=")
    readers = {str(path.relative_to(PACKAGE)) for path in files_of("src") if reading.search(path.read_text("utf-8"))}
    # A shell that completes words asks by a variable of its own.
    assert readers <= {"settings.py", "cli/__init__.py"}


def test_every_setting_is_documented_and_nothing_else() -> None:
    prefix = settings.Settings.model_config["env_prefix"]
    assert prefix == "PACKHOUSE_"
    documented = re.findall(r"\bPACKHOUSE_[A-Z0-9_]*[A-Z0-9]", (ROOT / "docs" / "configuration.md").read_text("utf-8"))
    assert set(documented) == {prefix + name.upper() for name in settings.Settings.model_fields}


def all_tables() -> list[Table]:
    for path in sorted(PACKAGE.glob("*/tables.py")):
        importlib.import_module(f"packhouse.{path.parent.name}.tables")
    return list(columns.metadata.tables.values())


def unique_keys(table: Table) -> Iterator[tuple[str, list[str]]]:
    """Name and columns, in order, of whatever lets a row in only once. A part that is no column has no name."""
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            yield str(constraint.name), [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield str(index.name), [part.name if isinstance(part, Column) else "" for part in index.expressions]


def test_every_key_begins_with_the_account() -> None:
    tables = all_tables()
    assert {"accounts", "api_keys", "integrations", "orders"} <= {table.name for table in tables}
    others = {
        f"{table.name}.{name}": columns
        for table in tables
        if table.name not in NOT_BY_ACCOUNT
        for name, columns in unique_keys(table)
        if columns[:1] != ["account_id"]
    }
    assert others == {}


def test_every_kind_of_unique_key_is_seen() -> None:
    # The check above is worth what `unique_keys` sees, so it is shown one of each kind.
    table = Table(
        "seen",
        MetaData(),
        Column("account_id", BigInteger, primary_key=True),
        Column("code", Text, primary_key=True),
        UniqueConstraint("code", name="constraint"),
    )
    Index("index", table.c.code, table.c.account_id, unique=True)
    Index("expression", func.lower(table.c.code), unique=True)
    Index("not unique", table.c.code)
    assert dict(unique_keys(table)) == {
        "None": ["account_id", "code"],
        "constraint": ["code"],
        "index": ["code", "account_id"],
        "expression": [""],
    }


def test_a_row_has_the_columns_of_its_table() -> None:
    """A row is made of them by position."""
    known = {table.name: tuple(table.columns.keys()) for table in all_tables()}
    held = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if '"""A row of `' not in path.read_text("utf-8"):
            continue
        module = importlib.import_module(".".join(("packhouse", *path.relative_to(PACKAGE).with_suffix("").parts)))
        for name, shape in vars(module).items():
            said = re.fullmatch(r"A row of `(\w+)`\.", getattr(shape, "__doc__", None) or "")
            if name.endswith("Row") and said is not None and said[1] in known:
                assert shape._fields == known[said[1]], name
                held.add(said[1])
    assert {"accounts", "orders", "order_history", "shipments", "parcels", "deliveries", "imports", "benches"} <= held


# What a row is called, and the calls that find one.
ROWS = re.compile(r"(\w+_)?rows?")
FINDERS = re.compile(r"_?(find|get|list|lock|load|require)_\w+")
UNTYPED = re.compile(r"(?:(?:list|Sequence|Iterable)\[)?Any\]?(?: \| None)?")
# They pass on rows of every statement.
OF_EVERY_ROW = ("kit/db/", "kit/wire/pagination.py")


def is_untyped(hint: ast.expr | None) -> bool:
    return hint is not None and UNTYPED.fullmatch(ast.unparse(hint)) is not None


def find_untyped_rows(text: str) -> Iterator[tuple[int, str]]:
    """Signatures and fields that take or return a row without saying which: `row: Any`, `get_order(tx) -> Any`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AnnAssign):
            name = ast.unparse(node.target)
            if ROWS.fullmatch(name) and is_untyped(node.annotation):
                yield node.lineno, name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if any(ROWS.fullmatch(each.arg) and is_untyped(each.annotation) for each in given):
                yield node.lineno, node.name
            if FINDERS.fullmatch(node.name) and any(each.arg == "tx" for each in given) and is_untyped(node.returns):
                yield node.lineno, node.name


def test_a_row_has_a_type() -> None:
    """A row that crosses a function is a NamedTuple, or a Protocol of the columns that are used."""
    files = [path for path in files_of("src") if not str(path.relative_to(PACKAGE)).startswith(OF_EVERY_ROW)]
    found = [(path, *each) for path in files for each in find_untyped_rows(path.read_text("utf-8"))]
    assert [f"{place(path, line)} {name}" for path, line, name in found] == []


def test_an_untyped_row_is_seen() -> None:
    text = "def f(row: Any): ...\ndef g(rows: Sequence[Any]): ...\nasync def get_x(tx: Reader) -> Any: ...\n"
    text += "class T:\n    row: Any\ndef h(row: Row, told: Any) -> Any: ...\ndef find_y(tx: Reader) -> Row: ...\n"
    assert sorted(find_untyped_rows(text)) == [(1, "f"), (2, "g"), (3, "get_x"), (5, "row")]


def test_every_package_keeps_its_tables_to_itself() -> None:
    for file in PACKAGE.rglob("*.py"):
        package = file.relative_to(PACKAGE).parts[0]
        named = set(re.findall(r"^from packhouse\.(\w+)\.tables import", file.read_text("utf-8"), re.MULTILINE))
        assert package == "migrations" or named <= {package}, file


def test_the_contracts_of_imports_are_few() -> None:
    assert (ROOT / ".importlinter").read_text("utf-8").count("\n") < 120


def test_constraints_hold_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*", line)] == []
    assert lines == sorted(lines, key=str.upper)
    assert len({normal(line) for line in lines}) == len(lines)


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    pinned = {normal(line) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}
    assert {normal(need) for need in needs} - {"packhouse"} - pinned == set()


def normal(requirement: str) -> str:
    """`SQLAlchemy[asyncio]>=2.1` is `sqlalchemy`."""
    name = re.match(r"[A-Za-z0-9._-]+?(?=[\[<>=!~;\s]|$)", requirement)
    assert name is not None, requirement
    return re.sub(r"[._-]+", "-", name[0]).lower()


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("SQLAlchemy[asyncio]>=2.1", "sqlalchemy"), ("a_b.c==1", "a-b-c"), ("uvloop; x", "uvloop")],
)
def test_a_requirement_is_known_by_its_name(requirement: str, name: str) -> None:
    assert normal(requirement) == name


def test_files_name_no_strange_host() -> None:
    url = re.compile(r"\b[a-z][a-z+]*://(?:[^\s/@\"'`]*@)?(\[[0-9a-f:]+\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
    strange = {
        f"{name}: {host}"
        for name, text in tracked_texts()
        for host in url.findall(text)
        if host not in HOSTS | OURS and not host.endswith(RESERVED)
    }
    assert strange == set()


def test_files_name_no_registry_and_no_path_of_a_machine() -> None:
    told = re.compile(
        r"(?<![\w.*~}>-])/(?:home|Users|work|root)/[\w.]"  # where somebody keeps a checkout
        r"|\b(?:extra-)?index[-_]url\b|\bfind[-_]links\b|\btrusted[-_]host\b"
        r"|\b(?:pypi|pythonhosted|npmjs)[.][a-z]{2,}",
    )
    found = [f"{name}: {match[0]}" for name, text in tracked_texts() for match in told.finditer(text)]
    assert found == []


def test_every_target_describes_itself() -> None:
    described = targets()
    assert {"run", "test", "lint", "format", "bench", "clean", "constraints", "check-install"} <= described.keys()
    assert [name for name, about in described.items() if not about] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/tour.md"])
def test_the_commands_people_are_told_exist(name: str) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", (ROOT / name).read_text("utf-8"), re.DOTALL))
    told = set(re.findall(r"\bmake ([a-z][a-z-]*)", code))
    assert told <= targets().keys()
    assert "run" in told or name != "README.md"


def test_the_changelog_says_what_is_coming() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings
    assert re.match(r"\[?(Unreleased|\d+\.\d+\.\d+)\b", headings[0])
