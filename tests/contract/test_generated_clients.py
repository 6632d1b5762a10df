"""Clients that three generators make of the served document, used against a running server.

The generators lie in `.venv-generators` (`make generators`).
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import components, make
from tests.concurrency import served
from tests.conftest import OWNER
from tests.test_house import ROOT

pytestmark = pytest.mark.one_database

SOURCES = ROOT / "tests" / "generators"
PLACE = ROOT / ".venv-generators"
BASIC = httpx.BasicAuth(*OWNER)._auth_header.removeprefix("Basic ")


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[served.Server]:
    with served.serve(database_url, tmp_path / "log") as server:
        yield server


@pytest.fixture
def document(server: served.Server, tmp_path: Path) -> dict[str, Any]:
    with server.client() as client:
        found = client.get("/openapi.json")
    (tmp_path / "openapi.json").write_bytes(found.content)
    described: dict[str, Any] = found.json()
    return described


def list_names(document: dict[str, Any]) -> set[str]:
    return {operation["operationId"] for operations in document["paths"].values() for operation in operations.values()}


def run(program: str, *arguments: str, folder: Path) -> str:
    found = PLACE / program
    if not found.exists():
        components.miss(f"There is no {program}. Run make generators.")
    ended = subprocess.run([found, *arguments], check=False, cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def compile_typescript(name: str, folder: Path, *options: str) -> None:
    (folder / name).write_text((SOURCES / name).read_text("utf-8"), "utf-8")
    run("node_modules/.bin/tsc", "--strict", "--skipLibCheck", "--target", "es2022", *options, name, folder=folder)


def order() -> str:
    return json.dumps(make.order(shipping_address=make.address()))


def test_openapi_python_client(server: served.Server, document: dict[str, Any], tmp_path: Path) -> None:
    told = run(
        "bin/openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none",
        "--output-path", "generated", "--config", str(SOURCES / "config.yaml"), folder=tmp_path,
    )  # fmt: skip
    assert "WARNING" not in told
    assert "Unable" not in told
    modules = {path.stem for path in (tmp_path / "generated" / "api").rglob("*.py")} - {"__init__"}
    assert modules == list_names(document)
    (tmp_path / "use_python.py").write_text((SOURCES / "use_python.py").read_text("utf-8"), "utf-8")
    used = json.loads(run("bin/python", "use_python.py", server.url, BASIC, order(), folder=tmp_path))
    shipped = used.pop("later")
    assert used == {"pushed": "o-1", "listed": ["N-o-1"], "label": True, "missing": "404"}
    assert shipped["shipment_id"]


def test_openapi_typescript(document: dict[str, Any], tmp_path: Path) -> None:
    run("node_modules/.bin/openapi-typescript", "openapi.json", "-o", "types.d.ts", folder=tmp_path)
    types = (tmp_path / "types.d.ts").read_text("utf-8")
    assert set(re.findall(r"^    (\w+): \{$", types.partition("export interface operations")[2], re.MULTILINE)) == (
        list_names(document)
    )
    compile_typescript("use_types.ts", tmp_path, "--noEmit")


def test_hey_api(server: served.Server, document: dict[str, Any], tmp_path: Path) -> None:
    run(
        "node_modules/.bin/openapi-ts", "-i", "openapi.json", "-o", "hey_api", "-c", "@hey-api/client-fetch",
        folder=tmp_path,
    )  # fmt: skip
    made = re.findall(r"^export const (\w+) = ", (tmp_path / "hey_api" / "sdk.gen.ts").read_text("utf-8"), re.MULTILINE)
    assert len(made) == len(list_names(document))
    compile_typescript("use_hey_api.ts", tmp_path, "--outDir", "compiled", "--module", "commonjs")
    node = components.require("node", "nodejs", package="nodejs")
    ended = subprocess.run(
        [node, "compiled/use_hey_api.js", server.url, ":".join(OWNER), order()],
        check=False, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"pushed": "o-1", "listed": ["N-o-1"], "label": True, "missing": "404"}
