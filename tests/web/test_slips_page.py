"""Packing slips in the settings: a logo, texts by language, and slips of a shop's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from starlette.testclient import TestClient

from tests import make
from tests.shipping.test_slips import draw_logo, read
from tests.web.conftest import token
from tests.web.world import query

Person = Callable[..., TestClient]
PLACE = "/settings/slips"


def store(page: TestClient, place: str = PLACE, logo: bytes = b"", **fields: Any) -> Any:
    form = {"csrf": token(page.get(place).text), "otherwise": "en", **fields}
    files = {"logo": ("logo.png", logo)}
    return page.post(place, data=form, files=files, follow_redirects=False)


def _dutch(text: str) -> dict[str, Any]:
    return {"text/nl": text}


def print_slip(page: TestClient, id: int) -> bytes:
    form = {"csrf": token(page.get("/orders").text), "id": str(id)}
    return page.post("/orders/print/packing-slips", data=form).content


def is_red(content: bytes) -> bool:
    with pypdfium2.PdfDocument(content) as file:
        return bool(file[0].render(scale=1).to_pil().convert("RGB").getpixel((50, 30)) == (255, 0, 0))


@pytest.mark.parametrize("kept", ["database", "folder"])
def test_a_slip_looks_as_the_owner_says(
    person: Person, client: TestClient, tmp_path: Path, kept: str, database_url: str
) -> None:
    server = {} if kept == "database" else {"documents_url": (tmp_path / "documents").as_uri()}
    page = person("owner", **server)
    receipt = client.post("/api/v3/orders", json=[make.order("o-1", shipping_address=make.address())]).json()["data"][0]
    texts: dict[str, Any] = {"text/nl": "Dank u wel!\r\n\r\nTot ziens", "text/de": " ", "text/en": "Thanks"}
    assert store(page, logo=draw_logo(), **texts).status_code == 303
    shown = page.get(PLACE).text
    assert "Dank u wel!\n\nTot ziens</textarea>" in shown
    assert "There is a logo" in shown
    slip = print_slip(page, receipt["id"])
    assert "Dank u wel!" in read(slip)[0]
    assert is_red(slip)
    assert query(database_url, "SELECT logo IS NULL FROM slip_designs") == [int(kept == "folder")]
    assert len(list((tmp_path / "documents").glob("*/slips/*"))) == (kept == "folder")
    assert store(page, **_dutch("Tot ziens")).status_code == 303  # without a file the logo stays
    assert is_red(print_slip(page, receipt["id"]))
    assert store(page, drops_logo="1").status_code == 303
    slip = print_slip(page, receipt["id"])
    assert not is_red(slip)
    assert "Tot ziens" not in read(slip)[0]
    assert list((tmp_path / "documents").glob("*/slips/*")) == []


@pytest.mark.one_database
def test_what_is_no_logo_is_refused_at_its_field(person: Person, database_url: str) -> None:
    page = person("owner")
    for logo, told in ((b"GIF89a", "This is no PNG or JPEG that can be read."), (b"x" * 2_050_000, "at most 2 MB")):
        answer = store(page, logo=logo, **_dutch("Dank u"))
        assert answer.status_code == 422
        assert told in answer.text
        assert "Dank u</textarea>" in answer.text  # what was typed stays
    answer = store(page, **_dutch("x" * 1001))
    assert (answer.status_code, "at most 1000 characters" in answer.text.replace(",", "")) == (422, True)
    assert store(page, otherwise="xx").status_code == 422
    assert query(database_url, "SELECT count(*) FROM slip_designs") == [0]


@pytest.mark.one_database
def test_a_shop_has_slips_of_its_own_until_they_are_removed(person: Person, client: TestClient) -> None:
    page = person("owner")
    receipt = client.post("/api/v3/orders", json=[make.order("o-1", shipping_address=make.address())]).json()["data"][0]
    own = f"{PLACE}/1"
    store(page, **_dutch("Van ons allen"))
    store(page, own, **_dutch("Van deze winkel"))
    assert "Van deze winkel" in read(print_slip(page, receipt["id"]))[0]
    assert "Van deze winkel" in read(page.get(f"{own}/example?language=nl").content)[0]
    assert "Van ons allen" in read(page.get(f"{PLACE}/example?language=nl").content)[0]
    assert page.get(f"{PLACE}/example?language=xx").status_code == 404
    page.post(f"{own}/delete", data={"csrf": token(page.get(own).text)})
    assert "Van ons allen" in read(print_slip(page, receipt["id"]))[0]
    assert page.get(f"{PLACE}/999").status_code == 404
    assert "changed the packing slips of" in page.get("/settings/audit").text
