import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from starlette.testclient import TestClient

from tests.conftest import OWNER


class Page(HTMLParser):
    """What a browser would load for the page, and the scripts that stand in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("link", "script", "img", "iframe"):
            self.loaded += [value for name in ("href", "src") if (value := given.get(name)) is not None]
        self.inline += tag == "script" and "src" not in given
        self.inline += sum(name.startswith("on") for name in given)


@pytest.fixture
def backend() -> str:
    """The page asks no database; one kind is enough."""
    return "sqlite"


@pytest.fixture
def page(client: TestClient) -> Page:
    page = Page()
    page.feed(client.get("/docs").text)
    return page


def test_the_page_is_html_for_anybody(client: TestClient) -> None:
    answer = client.get("/docs", auth=None)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/docs/").text == answer.text


def test_the_page_loads_from_this_server_alone(page: Page) -> None:
    local = [place for place in page.loaded if not place.startswith("data:")]
    assert sorted(local) == ["/static/docs.js", "/static/swagger-ui-bundle.js", "/static/swagger-ui.css"]


def test_the_page_holds_no_script_of_its_own(page: Page) -> None:
    assert page.inline == 0


def test_what_the_page_loads_is_served_with_its_type(client: TestClient, page: Page) -> None:
    kinds = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
    for place in page.loaded:
        if place.startswith("data:"):
            continue
        answer = client.get(place)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kinds["." + place.rpartition(".")[2]]
        assert answer.content == files("packhouse").joinpath(place.removeprefix("/")).read_bytes()


def test_the_script_shows_this_servers_document_and_no_other_host(client: TestClient) -> None:
    script = client.get("/static/docs.js").text
    assert re.findall(r'\burl: "([^"]*)"', script) == ["/openapi.json"]
    assert "//" not in re.sub(r"^\s*//.*$|, //.*$", "", script, flags=re.MULTILINE)
    # Left to itself, Swagger UI sends the document's address to a validator on the web.
    assert "validatorUrl: null" in script
    answer = client.get("/openapi.json", auth=None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_the_style_sheet_loads_nothing_from_elsewhere(client: TestClient) -> None:
    style = client.get("/static/swagger-ui.css").text
    assert "@import" not in style
    assert {place[:5] for place in re.findall(r"url\(\s*[\"']?([^\"')]*)", style)} == {"data:"}


@pytest.mark.parametrize("name", ["nothing.js", "..", "%2e%2e%2fapp.py", "../app.py", "__init__.py"])
def test_only_the_files_of_the_folder_are_served(client: TestClient, name: str) -> None:
    client.auth = OWNER
    assert client.get(f"/static/{name}").status_code == 404


def test_the_licence_comes_with_what_it_covers(client: TestClient) -> None:
    assert "Apache License" in client.get("/static/swagger-ui-LICENSE.txt").text
