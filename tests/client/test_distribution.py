"""The client as a distribution of its own: built without a network, and imported without the server."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx

from tests.test_house import ROOT


def test_the_client_is_installed_without_the_server(tmp_path: Path) -> None:
    for part in ("client", "src/packhouse/client"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "src/packhouse/__init__.py", tmp_path / "src/packhouse/__init__.py")
    words = ["-m", "pip", "-qq", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", "."]
    subprocess.run([sys.executable, *words, "./client"], cwd=tmp_path, check=True)
    [wheel] = tmp_path.glob("packhouse_client-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]
        archive.extractall(tmp_path / "installed")
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    files = {name for name in names if ".dist-info/" not in name}
    there = {path.name for path in (ROOT / "src/packhouse/client").iterdir() if path.is_file()}
    assert files == {f"packhouse/client/{name}" for name in there}
    assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist")] == ["Requires-Dist: httpx"]
    code = (
        "import sys\n"
        "for name in ('pydantic', 'sqlalchemy', 'starlette', 'orjson', 'packhouse.kit', 'packhouse.app'):\n"
        "    sys.modules[name] = None\n"  # what is None cannot be imported
        f"sys.path.insert(0, {str(tmp_path / 'installed')!r})\n"
        "import packhouse.client\n"
        "print(packhouse.client.__file__, packhouse.client.Client.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(httpx.__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "installed/packhouse/client/__init__.py"), "Client"]
