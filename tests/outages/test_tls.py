"""What the database URL says of TLS is done: encrypted where it must be, and refused where the other is not who it
should be."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit.db import DatabaseUrlError
from packhouse.settings import Settings
from tests import make
from tests.certificates import Authority, Door, Issued, open_door
from tests.clusters import NAME, Cluster
from tests.concurrency import served
from tests.conftest import OWNER
from tests.outages.conftest import check_unavailable


class Place(NamedTuple):
    """A database behind a door with TLS, and who vouches for it."""

    door: Door
    authority: Authority

    def url(self, **parameters: object) -> str:
        return self.door.url(NAME, **parameters)


def socket_of(cluster: Cluster) -> Path:
    return cluster.folder / ".s.PGSQL.5432"


def to_context(issued: Issued, clients: Authority | None = None) -> ssl.SSLContext:
    """With `clients`, whoever comes needs a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    if clients is not None:
        context.load_verify_locations(clients.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def place(cluster: Cluster, tmp_path: Path) -> Iterator[Place]:
    authority = Authority(tmp_path, "authority")
    with open_door(socket_of(cluster), to_context(authority.issue("server"))) as door:
        yield Place(door, authority)


def refused(url: str) -> str:
    """How a server answers whose database cannot be used."""
    with TestClient(create_app(Settings(database_url=url)), raise_server_exceptions=False) as client:
        check_unavailable(client.get("/api/v3/orders", auth=OWNER))
        return str(client.get("/health").json()["database"]["detail"])


def check_served(url: str) -> None:
    with TestClient(create_app(Settings(database_url=url)), raise_server_exceptions=False) as client:
        client.auth = OWNER
        made = client.post("/api/v3/orders", json=[make.order()])
        assert made.status_code == 200, made.text
        assert len(client.get("/api/v3/orders").json()["data"]) == 1


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
def test_what_is_asked_to_be_encrypted_is(place: Place, mode: str) -> None:
    known = {"sslrootcert": place.authority.certificate} if mode.startswith("verify") else {}
    check_served(place.url(sslmode=mode, **known))
    assert place.door.opened[True] > 0
    assert place.door.opened[False] == 0


def test_what_is_asked_not_to_be_is_not(place: Place) -> None:
    check_served(place.url(sslmode="disable"))
    assert place.door.opened[True] == 0
    assert place.door.opened[False] > 0


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_of_another_authority_is_refused(place: Place, tmp_path: Path, mode: str) -> None:
    other = Authority(tmp_path, "other")
    told = refused(place.url(sslmode=mode, sslrootcert=other.certificate))
    assert told.startswith("The certificate of the database is not accepted: ")
    assert place.door.opened == {True: 0, False: 0}


def test_a_server_of_another_name_is_refused_where_names_count(cluster: Cluster, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    with open_door(socket_of(cluster), to_context(authority.issue("server", "127.0.0.9"))) as door:
        given = {"sslrootcert": authority.certificate}
        told = refused(door.url(NAME, sslmode="verify-full", **given))
        assert told.startswith("The certificate of the database is not accepted: ")
        assert door.opened == {True: 0, False: 0}
        check_served(door.url(NAME, sslmode="verify-ca", **given))


def test_a_server_without_tls_is_refused_where_it_must_have_it(cluster: Cluster, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    with open_door(socket_of(cluster), None) as door:
        for asked in ({"sslmode": "require"}, {"sslmode": "verify-full", "sslrootcert": authority.certificate}):
            assert refused(door.url(NAME, **asked)) == "The database cannot be reached."
        assert door.opened == {True: 0, False: 0}
        check_served(door.url(NAME, sslmode="prefer"))


def test_a_server_that_asks_who_comes_is_shown_our_certificate(cluster: Cluster, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    ours = authority.issue("postgres")
    with open_door(socket_of(cluster), to_context(authority.issue("server"), authority)) as door:
        known = {"sslmode": "verify-full", "sslrootcert": authority.certificate}
        assert refused(door.url(NAME, **known)) in (
            "The database cannot be reached.",
            "The database cannot answer now.",
        )
        assert door.opened == {True: 0, False: 0}
        shown = {"sslcert": ours.certificate, "sslkey": ours.key}
        check_served(door.url(NAME, **known, **shown))


def test_the_command_says_why_it_does_not_start(place: Place, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    ended = served.run(place.url(sslmode="verify-full", sslrootcert=other.certificate), "serve", "--port", "0")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("packhouse: The certificate of the database is not accepted: ")


@pytest.mark.parametrize("parameter", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, parameter: str) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(DatabaseUrlError) as refused:
        create_app(Settings(database_url=f"postgresql://127.0.0.1:1/packhouse?sslmode=require&{parameter}={missing}"))
    assert str(refused.value) == f"The database URL cannot be used: {parameter} names {missing}, which is no file."


def test_a_mode_that_there_is_not_is_named() -> None:
    ended = served.run("postgresql://127.0.0.1:1/packhouse?sslmode=sometimes", "serve", "--port", "0")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("packhouse: The database URL cannot be used: ")
    assert "sslmode" in line
