"""`packhouse serve` as an operator meets it: starting, refusing to start, stopping, and what it tells."""

import functools
import json
import re
import resource
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import packhouse
from packhouse import migrations
from tests import make, servers
from tests.concurrency import served
from tests.conftest import OWNER


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """For what has nothing to do with the kind of database."""
    path = tmp_path / "packhouse.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


def refused(url: str, *arguments: str, **settings: Any) -> str:
    """The one line that a command says when it does not start."""
    ended = served.run(url, *(arguments or ("serve", "--port", "0")), **settings)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.endswith("\n")
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("packhouse: ")
    return lines[0]


def test_an_empty_database_is_refused_until_it_is_migrated(empty_url: str, tmp_path: Path) -> None:
    told = refused(empty_url)
    if empty_url.startswith("sqlite"):
        path = Path(empty_url.removeprefix("sqlite:///"))
        assert told == f"packhouse: There is no database at {path}. Run: packhouse migrate"
        assert not path.exists()
    else:
        assert told == f"packhouse: The database is empty, this version needs {migrations.HEAD}. Run: packhouse migrate"
    assert served.run(empty_url, "migrate").returncode == 0
    with served.serve(empty_url, tmp_path / "log") as server, server.client() as client:
        assert client.get("/health").json()["database"] == {"status": "ok"}


def test_serve_migrates_when_asked(empty_url: str, tmp_path: Path) -> None:
    with served.serve(empty_url, tmp_path / "log", "--migrate") as server, server.client() as client:
        assert client.get("/health").status_code == 200
    with served.serve(empty_url, tmp_path / "log", "--migrate") as server, server.client() as client:
        assert client.get("/health").status_code == 200


def test_a_database_behind_is_refused_with_the_command_that_mends_it(database_url: str) -> None:
    servers.change(database_url, "UPDATE alembic_version SET version_num = '0027'")
    told = refused(database_url)
    needs = f"this version needs {migrations.HEAD}. Run: packhouse migrate"
    assert told == f"packhouse: The database is at schema 0027, {needs}"


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("serve", "--port", "0", "--migrate"), ("migrate",)])
def test_a_database_that_a_newer_version_has_migrated_is_said_to_be_one(
    database_url: str, command: tuple[str, ...]
) -> None:
    servers.change(database_url, "UPDATE alembic_version SET version_num = '9001'")
    told = refused(database_url, *command)
    assert told == (
        f"packhouse: The database is at schema 9001, which Packhouse {packhouse.__version__} does not know: it ends at "
        f"{migrations.HEAD}. A newer version has migrated this database, so run that version, or restore a backup of "
        "before."
    )
    assert refused(database_url, *command) == told  # and it is left as it was


def test_a_port_that_is_taken(sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        told = refused(sqlite_url, "serve", "--port", port)
        free = re.findall(r"Port (\d+) is free", told)[0]
        assert int(free) > int(port)
        socket.create_server(("127.0.0.1", int(free))).close()
    assert told == f"packhouse: Cannot listen on 127.0.0.1 port {port}: Address already in use. Port {free} is free."


def test_an_address_that_is_not_this_machines(sqlite_url: str) -> None:
    assert refused(sqlite_url, "serve", "--host", "192.0.2.1", "--port", "0").startswith(
        "packhouse: Cannot listen on 192.0.2.1 port 0: "
    )


def test_a_database_that_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert refused(f"postgresql://ada:hunter2@127.0.0.1:{port}/packhouse") == (
        "packhouse: The database cannot be reached."
    )


def test_a_database_that_the_server_has_not(postgres: str) -> None:
    told = refused(servers.with_name(postgres, servers.new_database_name()))
    assert told == "packhouse: The database refuses the connection: SQLSTATE 3D000."


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert refused(f"sqlite:///{missing}/packhouse.db") == f"packhouse: The folder {missing} does not exist."
    assert not missing.exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada, " * 1000)
    assert "NOTADB" in refused(f"sqlite:///{tmp_path}/letter.txt")


@pytest.mark.parametrize(
    "url", ["", "packhouse.db", "mysql://ada:hunter2@127.0.0.1/packhouse", "postgresql://ada:hunter2@127.0.0.1:port/x"]
)
def test_a_url_that_names_no_database(url: str) -> None:
    told = refused(url)
    assert told == (
        "packhouse: The database URL must be sqlite:///path/to/file or postgresql://user:password@host:port/name."
    )


def test_sqlite_without_a_file() -> None:
    assert refused("sqlite://") == "packhouse: SQLite needs a file: sqlite:///path/to/file."


@pytest.mark.parametrize(
    ("setting", "value"),
    [("profile", "guess"), ("max_body_bytes", "many"), ("partner_ids", "1,2"), ("lock_timeout_seconds", "0")],
)
def test_a_setting_that_cannot_be(sqlite_url: str, setting: str, value: str) -> None:
    told = refused(sqlite_url, **{setting: value})
    assert told.startswith(f"packhouse: PACKHOUSE_{setting.upper()}")


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'packhouse.db'}"
    assert served.run(url, "migrate").returncode == 0
    assert served.run(url, "account", "create", "demo").returncode == 0
    with served.serve(url, tmp_path / "log"):
        files = [path for path in tmp_path.iterdir() if path.name.startswith("packhouse.db")]
        assert {"packhouse.db", "packhouse.db-wal"} <= {path.name for path in files}
        assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}


def test_a_demo_key_that_everybody_knows_is_told_of(sqlite_url: str, tmp_path: Path) -> None:
    made = ("account", "create", "demo", "--public-key", "demo-public-key", "--secret-key", "demo-secret-key")
    assert served.run(sqlite_url, *made).returncode == 0
    with served.serve(sqlite_url, tmp_path / "log") as server:
        told = server.log.read_text("utf-8").splitlines()
    warning = "packhouse: Everybody knows the demo account's key: it opens from this machine only."
    assert [line for line in told if not line.startswith("{")] == [warning]


def begin_upload(url: str, body: bytes) -> socket.socket:
    """A POST whose head and half of whose body are out."""
    address = httpx.URL(url)
    connection = socket.create_connection((address.host, address.port or 80), timeout=served.PATIENCE_SECONDS)
    head = httpx.Request("POST", url, headers=httpx.Headers({"Content-Type": "application/json"}))
    authorization = next(httpx.BasicAuth(*OWNER).auth_flow(head)).headers["Authorization"]
    connection.sendall(
        f"POST /api/v3/orders HTTP/1.1\r\nHost: packhouse.example.org\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body[: len(body) // 2]
    )
    return connection


def is_refused(url: str) -> bool:
    address = httpx.URL(url)
    try:
        socket.create_connection((address.host, address.port or 80), timeout=2).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_is_running_and_refuses_what_is_new(
    database_url: str, tmp_path: Path, stop: signal.Signals
) -> None:
    body = json.dumps([make.order(f"o-{n}") for n in range(100)]).encode()
    with served.serve(database_url, tmp_path / "log") as server:
        with begin_upload(server.url, body) as upload:
            server.process.send_signal(stop)
            served.wait_until(lambda: is_refused(server.url))
            assert server.process.poll() is None
            upload.sendall(body[len(body) // 2 :])
            answer = httpx.Response(200, content=read_body(upload))
        assert len(answer.json()["data"]) == 100
        assert server.process.wait(served.PATIENCE_SECONDS) == 0
        assert [line["status"] for line in server.lines() if line.get("method") == "POST"] == [200]
    with served.serve(database_url, tmp_path / "log") as server, server.client() as client:
        assert len(client.get("/api/v3/orders").json()["data"]) == 100


def read_body(connection: socket.socket) -> bytes:
    """Of an answer that has come whole: the server ends a connection that it answers on while it stops."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    return body


def test_a_request_that_never_ends_does_not_hold_a_stop_for_ever(sqlite_url: str, tmp_path: Path) -> None:
    with (
        served.serve(sqlite_url, tmp_path / "log", stop_timeout_seconds=1) as server,
        begin_upload(server.url, b"[" * 1000),
    ):
        assert server.stop() == 0


def test_an_idle_server_stops(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log") as server:
        assert server.stop() == 0


PERSONAL = {
    "name": "Wilhelmina Quastenhuber",
    "email": "quastenhuber@example.org",
    "phone_number": "+31612345987",
    "address_line_1": "Zonnebloempad",
    "postal_code": "9876 ZQ",
    "city": "Quakkelveen",
}


def test_a_request_is_one_line_without_anything_of_a_person(database_url: str, tmp_path: Path) -> None:
    address = make.address(**PERSONAL)
    customer = {name: PERSONAL[name] for name in ("name", "email", "phone_number")}
    order = make.order("Quast-1", shipping_address=address, billing_address=address, customer_details=customer)
    broken = {**order, "shipping_address": {**address, "email": "quastenhuber@@example.org", "country_code": "QQ"}}
    with served.serve(database_url, tmp_path / "log", log_level="debug") as server, server.client() as client:
        started = len(server.lines())
        asked = {"X-Request-Id": "named-by-the-client"}
        made = client.post("/api/v3/orders", json=[order], headers=asked)
        id = made.json()["data"][0]["id"]
        answers = [
            made,
            client.post("/api/v3/orders", json=[broken]),
            client.post("/api/v3/orders", content=json.dumps([order])[:-20]),
            client.get("/api/v3/orders", params={"order_id": "Quast-1", "q": PERSONAL["name"]}),
            client.get("/api/v3/orders", params={"order_created_at": PERSONAL["email"]}),
            client.get(f"/api/v3/orders/{PERSONAL['email']}"),
            client.patch(f"/api/v3/orders/{id}", json={"customer_details": {"name": PERSONAL["name"] * 2, "email": 1}}),
            client.get(f"/{PERSONAL['city']}"),
            client.get("/api/v3/orders", auth=(PERSONAL["email"], PERSONAL["name"])),
        ]
        served.wait_until(lambda: len(server.lines()) >= started + len(answers))
        lines = server.lines()[started:]
        written = server.log.read_text("utf-8")
    assert [a.status_code for a in answers] == [200, 400, 400, 200, 400, 404, 400, 404, 401]
    assert [line["status"] for line in lines] == [answer.status_code for answer in answers]
    assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"] for answer in answers]
    assert lines[0]["request_id"] == "named-by-the-client"
    assert [line["account"] for line in lines] == [1, 1, 1, 1, 1, 1, 1, None, None]
    orders, one = "/api/v3/orders", "/api/v3/orders/{id}"
    assert [f"{line['method']} {line['route']}" for line in lines] == [
        *(f"POST {orders}",) * 3,
        *(f"GET {orders}",) * 2,
        f"GET {one}",
        f"PATCH {one}",
        "GET unmatched",
        f"GET {orders}",
    ]
    for line in lines:
        assert line["event"] == "request"
        assert 0 < line["duration_ms"] < 60_000
        assert set(line) == {
            *("event", "level", "timestamp", "method", "route", "status", "duration_ms", "account", "request_id"),
        }
    for told in (*PERSONAL.values(), "Quast", "quast", "owner-secret", "b3duZXI"):
        assert told not in written


def test_health_tells_when_the_database_is_away(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log") as server, server.client(auth=None) as client:
        well = client.get("/health")
        assert (well.status_code, well.json()["status"], well.json()["database"]) == (200, "ok", {"status": "ok"})
        servers.change(database_url, "UPDATE alembic_version SET version_num = '0027'")
        served.wait_until(lambda: client.get("/health").status_code == 503)  # it looks four times a second
        behind = client.get("/health").json()["database"]
        assert (behind["status"], behind["detail"].split(". ")[-1]) == ("behind", "Run: packhouse migrate")
        servers.change(database_url, "UPDATE alembic_version SET version_num = '9001'")
        served.wait_until(lambda: client.get("/health").json()["database"]["status"] == "newer")
        newer = client.get("/health")
        assert newer.status_code == 503
        assert "packhouse migrate" not in newer.text
        assert "A newer version has migrated this database" in newer.json()["database"]["detail"]
        servers.change(database_url, f"UPDATE alembic_version SET version_num = '{migrations.HEAD}'")  # noqa: S608
        served.wait_until(lambda: client.get("/health").status_code == 200)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_database_that_goes_away_is_503_and_comes_back(database_url: str, postgres: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log") as server, server.client() as client:
        with servers.closed(postgres, database_url):
            for answer in (client.get("/api/v3/orders"), client.post("/api/v3/orders", json=[make.order()])):
                assert answer.status_code == 503, answer.text
                assert answer.json()["errors"][0]["code"] == "unavailable"
                assert answer.headers["retry-after"] == "1"
            served.wait_until(lambda: client.get("/health").status_code == 503)
        served.wait_until(lambda: client.get("/health").status_code == 200)
        assert client.post("/api/v3/orders", json=[make.order()]).status_code == 200


def test_a_full_disk_is_503_until_there_is_room(sqlite_url: str, tmp_path: Path) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    notes = "x" * 100_000
    with served.serve(sqlite_url, tmp_path / "log") as server, server.client() as client:
        known = client.post("/api/v3/orders", json=[make.order("before")]).json()["data"][0]["id"]
        # The kernel lets this process write no file past so many bytes, as a disk without room would.
        wal = Path(f"{path}-wal")
        psutil.Process(server.process.pid).rlimit(
            psutil.RLIMIT_FSIZE, (wal.stat().st_size + 200_000, resource.RLIM_INFINITY)
        )
        answers: list[httpx.Response] = []
        while not answers or answers[-1].status_code == 200:
            assert len(answers) < 50
            answers.append(client.post("/api/v3/orders", json=[full_order(len(answers), notes)]))
        refusal = answers.pop()
        assert refusal.status_code == 503, refusal.text
        assert refusal.json()["errors"][0]["code"] == "unavailable"
        assert refusal.headers["retry-after"] == "1"
        assert client.get(f"/api/v3/orders/{known}").status_code == 200
        psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        again = client.post("/api/v3/orders", json=[full_order(len(answers), notes)])
        assert again.status_code == 200
        listed = client.get("/api/v3/orders").json()["data"]
        assert len(listed) == len(answers) + 2
        assert server.stop() == 0


def full_order(number: int, notes: str) -> dict[str, Any]:
    return make.order(f"full-{number}", order_details={"notes": notes})


def begin_demo(url: str) -> tuple[subprocess.Popen[str], str]:
    """`packhouse demo run`, once it has shown how to call it."""
    command = served.start(url, "demo", "run", "--port", "0")
    assert command.stdout is not None
    told = ""
    while "API explained" not in told:
        line = command.stdout.readline()
        assert line, served.read_errors(command)
        told += line
    return command, told


def open_page_of_demo(url: str, told: str) -> str:
    """As somebody does who reads what `demo run` printed."""
    page, email, password = (re.findall(rf"{name} +(\S+)", told)[0] for name in ("page at", "e-mail", "password"))
    with httpx.Client(base_url=url, headers={"accept": "text/html"}, follow_redirects=True) as web_user:
        form = web_user.get(page)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', form.text)[0]
        shown = web_user.post("/sign-in", data={"csrf": csrf, "email": email, "password": password})
        assert shown.status_code == 200
        return web_user.get("/orders").text


def test_the_demo_shows_a_call_that_works_twice_in_a_row(empty_url: str) -> None:
    for _ in range(2):
        command, told = begin_demo(empty_url)
        try:
            url = re.findall(r"listens on (http://127\.0\.0\.1:\d+) ", told)[0]
            assert re.findall(r"(?:public key|secret key|integration) {2,}(\S+)", told) == [
                "demo-public-key",
                "demo-secret-key",
                "1",
            ]
            served.wait_until(functools.partial(served.is_up, url))
            shown = re.findall(r"^ +(curl .*)$", told, re.MULTILINE)[0]
            called = subprocess.run(["bash", "-c", f"{shown} -sS --fail"], capture_output=True, text=True, check=True)
            assert len(json.loads(called.stdout)["data"]) == 2
            with httpx.Client(base_url=url, auth=("demo-public-key", "demo-secret-key")) as client:
                assert len(client.get("/api/v3/orders").json()["data"]) == 12
                assert client.get("/docs").status_code == 200
            assert open_page_of_demo(url, told).count("c-number") > 10
        finally:
            command.terminate()
            assert command.wait(served.PATIENCE_SECONDS) == 0
            command.communicate()


def test_several_workers_serve_and_stop(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        for n in range(20):
            with server.client() as client:
                made = client.post("/api/v3/orders", json=[make.order(f"o-{n}")])
                assert made.status_code == 200
                assert client.get(f"/api/v3/orders/{made.json()['data'][0]['id']}").status_code == 200
        with server.client() as client:
            assert len(client.get("/api/v3/orders").json()["data"]) == 20
        children = [child.pid for child in psutil.Process(server.process.pid).children()]
        assert server.stop() == 0
        served.wait_until(lambda: not any(map(psutil.pid_exists, children)))
