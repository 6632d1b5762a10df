"""The image, built from the Dockerfile where there is buildah or docker, and the base image or its registry.

PACKHOUSE_TEST_IMAGE_BASE names another base than the Dockerfile's: any Debian with Python and `venv`.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.concurrency import served
from tests.test_house import ROOT

BASE = os.environ.get("PACKHOUSE_TEST_IMAGE_BASE")
MOST_BYTES = 350_000_000
TAG = "packhouse-tested"
# What tells pip where to look and whom to trust, on machines that have a registry of their own.
LENT = [Path("/etc/pip.conf"), Path("/etc/ssl/certs")]
TOOL = shutil.which("buildah") or shutil.which("docker")


def run(*words: str, seconds: int = 1200) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT, timeout=seconds)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.stdout.strip()


def base() -> str:
    first = next(line for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if line.startswith("ARG BASE="))
    return BASE or first.removeprefix("ARG BASE=")


@pytest.fixture(scope="module")
def image() -> str:
    if TOOL is None:
        pytest.skip("there is neither buildah nor docker")
    try:
        run(TOOL, "inspect" if BASE else "pull", base(), seconds=60)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"the base image is not to be had: {str(error).splitlines()[-1]}")
    options = ["--build-arg", f"BASE={base()}", "--tag", TAG]
    if TOOL.endswith("buildah"):
        lent = [f"--volume={place}:{place}:ro" for place in LENT if place.exists()]
        options += ["--isolation", "chroot", "--network", "host", "--format", "docker", *lent]
        if "PIP_CERT" in os.environ:
            options += ["--env", f"PIP_CERT={os.environ['PIP_CERT']}"]
        run(TOOL, "build", *options, ".")
    else:
        run(TOOL, "build", "--network", "host", *options, ".")
    return TAG


@pytest.fixture(scope="module")
def files(image: str) -> Iterator[Path]:
    """The image's files, as they lie."""
    if TOOL is None or not TOOL.endswith("buildah"):
        pytest.skip("the files are looked at with buildah")
    container = run(TOOL, "from", image)
    try:
        yield Path(run(TOOL, "mount", container))
    finally:
        run(TOOL, "rm", container)


def test_it_is_small(image: str) -> None:
    if str(TOOL).endswith("buildah"):
        manifest = json.loads(json.loads(run(str(TOOL), "inspect", "--type", "image", image))["Manifest"])
        size = sum(layer["size"] for layer in manifest["layers"])
    else:
        size = int(run(str(TOOL), "inspect", "--format", "{{.Size}}", image))
    assert size < MOST_BYTES


def test_who_runs_has_a_name_and_an_empty_home(files: Path) -> None:
    assert "packhouse:x:10001:10001:" in (files / "etc/passwd").read_text("utf-8")
    assert "packhouse:x:10001:" in (files / "etc/group").read_text("utf-8")
    home = files / "var/lib/packhouse"
    assert list(home.iterdir()) == []
    assert (home.stat().st_uid, home.stat().st_gid, oct(home.stat().st_mode & 0o777)) == (10001, 10001, "0o700")


def test_nothing_is_left_to_be_compiled(files: Path) -> None:
    [packages] = (files / "opt/packhouse/lib").glob("python3*/site-packages")
    version = packages.parent.name
    [asyncio] = [place for home in ("usr/local/lib", "usr/lib") for place in (files / home / version).glob("asyncio")]
    looked_at = [*packages.glob("packhouse/**/*.py"), *packages.glob("fastapi/*.py"), *asyncio.glob("*.py")]
    assert len(looked_at) > 200
    tag = f"cpython-{version.removeprefix('python').replace('.', '')}"
    bare = [path for path in looked_at if not (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").exists()]
    assert bare == []


def test_it_serves_and_stops(files: Path, tmp_path: Path) -> None:
    """As the user of the image, in its files; isolating it is not looked at here."""
    if os.getuid() != 0:
        pytest.skip("only root may enter the image's files")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = {"PATH": "/opt/packhouse/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    env["PACKHOUSE_DATABASE_URL"] = "sqlite:////var/lib/packhouse/packhouse.db"
    inside = [str(shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")), "--userspec=10001:10001", str(files)]
    with (tmp_path / "log").open("wb") as log:
        program = [*inside, "packhouse", "serve", "--host", "127.0.0.1", "--port", port, "--migrate"]
        server = subprocess.Popen(program, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        check = [*inside, "python", "-m", "packhouse.health", port]
        served.wait_until(lambda: subprocess.run(check, check=False, env=env, capture_output=True).returncode == 0)
        server.terminate()
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()
        for path in (files / "var/lib/packhouse").iterdir():
            path.unlink()
