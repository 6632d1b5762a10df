"""Refusals and warnings of the rooms below, and names of our carriers: in the reader's language on the page, in English
to programs."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from packhouse.accounts import schema as accounts
from packhouse.integrations import schema as integrations
from packhouse.kit import errors, validation
from packhouse.orders import schema as orders
from packhouse.shipping import schema as shipping
from packhouse.shipping.setup_schema import KINDS, SETTINGS
from packhouse.web import edits, languages
from packhouse.webhooks import schema as webhooks
from tests import make
from tests.web import faults
from tests.web.conftest import token
from tests.web.test_orders_page import work
from tests.web.test_settings import send, stored

__all__ = ["work"]

Person = Callable[..., TestClient]
URL = "/api/v3/orders"
TRANSLATED = ["nl", "de", "fr"]
SHAPES = [
    orders.ORDERS, orders.PATCH, shipping.ASYNC, integrations.INTEGRATION, integrations.NEW_INTEGRATION,
    webhooks.CONNECTION_CREATE, webhooks.CONNECTION_UPDATE, accounts.NEW_CLIENT, SETTINGS.shape,
    *(kind.shape for kind in KINDS.values()),
]  # fmt: skip
JUNK = [
    None, True, 1, -1, 0, 1.5, 2**63, 1e300, "", " ", "x", "x@", "x" * 300, "\0", "1", "-1", "http://", "ftp://x",
    "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "01/02/2026", [], {}, [1], ["x", "x"], {"\0": 1}, ["x"] * 101,
]  # fmt: skip
ENGLISH = re.compile(r"\b(should|must|the|input|string|value|there|cannot|needs|at least|at most)\b", re.IGNORECASE)


def junk_of(shape: dict[str, Any], known: dict[str, Any], depth: int = 7) -> Iterator[Any]:
    """Values that a shape, by its JSON schema, refuses somewhere."""
    yield from JUNK
    if depth == 0:
        return
    if "$ref" in shape:
        shape = known[shape["$ref"].rpartition("/")[2]]
    for one in shape.get("anyOf", ()):
        yield from junk_of(one, known, depth - 1)
    for name, inner in shape.get("properties", {}).items():
        yield from ({name: value} for value in junk_of(inner, known, depth - 1))
    if isinstance(items := shape.get("items"), dict):
        yield from ([value] for value in junk_of(items, known, depth - 1))


def flaws_of(shape: Any) -> Iterator[str]:
    described = shape.json_schema()
    for value in junk_of(described, described.get("$defs", {})):
        body = re.sub(rb"18446744073709551616", b"9" * 30, orjson.dumps(value))
        yield from (flaw.detail for flaw in validation.read_json(shape, body).flaws)


def test_every_flaw_of_every_shape_is_translated() -> None:
    found = {detail for shape in SHAPES for detail in flaws_of(shape)}
    assert len(found) > 40
    for language in TRANSLATED:
        for detail in found:
            said = languages.translate(language, detail)
            assert said != detail, (language, detail)
            assert not ENGLISH.search(re.sub(r"'.*'", "", said)), (language, detail, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("There is no contract with id 7.", "Es gibt keinen Vertrag mit der ID 7."),
        ("There is no shipping rule with id 7.", "Nicht gefunden: Versandregel mit der ID 7."),
        ("An order from NL to CH needs customs details.", "Eine Bestellung von NL nach CH braucht Zollangaben."),
        (
            "The order weighs 3 kg; the rule is for from 1 kg up to 2.5 kg.",
            "Die Bestellung wiegt 3 kg; die Regel ist für von 1 kg bis 2.5 kg.",
        ),
        (
            "value is not a valid email address: An email address must have an @-sign.",
            "Das ist keine gültige E-Mail-Adresse: Eine E-Mail-Adresse muss ein @ haben.",
        ),
        ("Field required\nDoes not exist.", "Dieses Feld ist nötig Gibt es nicht."),
        # What somebody else wrote stays: a carrier's words, and the name of an item that is a word of ours.
        ("Adresse {street} inconnue, 100 %", "Adresse {street} inconnue, 100 %"),
        (
            "A customs declaration needs the weight of Parcel (order_details/order_items/0).",
            "Eine Zollerklärung braucht das Gewicht von Parcel (order_details/order_items/0).",
        ),
        ("There is a user {email} %(x)s already.", "Es gibt schon einen Benutzer {email} %(x)s."),
        ("x" * 10_000, "x" * 10_000),
        ("", ""),
    ],
)
def test_what_is_put_into_a_text_is_put_into_its_translation(text: str, said: str) -> None:
    assert languages.translate("de-CH", text) == said
    assert languages.translate("en-GB", text) == text.replace("\n", " ")


def test_a_new_text_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "lamps.py"
    path.write_text(
        """
LATE = "It is late."
def light(lamp, is_red, error):
    told = f"of {lamp.owner}" if lamp.owner else "of nobody"
    if error:
        raise Invalid(errors.Fault("invalid", str(error)))
    raise Invalid([Fault("invalid", f"The lamp {lamp.id} {told} is out.", title="Not this"), Fault("x", LATE)])
def _why(colour):
    return f"No {colour} or {colour}"
def find():
    yield Flaw(("lamp",), detail=_why("red"))
"""
    )
    assert faults.Module(path).find() == {
        "It is late.",
        "The lamp {id} of nobody is out.",
        "The lamp {id} of {owner} is out.",
        "No {colour} or {colour_2}",
    }


def told(page: Any) -> list[str]:
    return [unescape(words) for words in re.findall(r'class="(?:told fault|fault told)">([^<]+)<', page.text)]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ["De tekst moet minstens 1 teken hebben", "Er moet iets na het apenstaartje staan."]),
        ("de", ["Der Text muss mindestens 1 Zeichen haben", "Nach dem @ muss etwas stehen."]),
        ("fr", ["Le texte doit avoir au moins 1 caractère", "Il faut quelque chose après le @."]),
    ],
)
def test_a_form_is_refused_in_the_readers_language(
    person: Person, client: TestClient, language: str, words: list[str]
) -> None:
    page = person()
    page.headers["accept-language"] = language
    sent = {"name": "x", "address_line_1": "x", "postal_code": "1", "city": "x", "country_code": "NL", "email": "x@"}
    found = told(send(page, "/settings/senders", **sent))
    assert len(found) == 1
    assert found[0].endswith(words[1])
    [order] = client.post(URL, json=[make.order(shipping_address=make.address())]).json()["data"]
    form = {"csrf": token(page.get("/orders").text), "version": "1", "shipping_address/name": ""}
    refused = page.post(f"/orders/{order['id']}", data=form)
    assert refused.status_code == 422
    assert words[0] in unescape(refused.text)
    api = client.patch(
        f"{URL}/{order['id']}", json={"shipping_address": {"name": ""}}, headers={"accept-language": language}
    )
    assert [fault["detail"] for fault in api.json()["errors"]] == ["String should have at least 1 character"]


@pytest.mark.one_database
def test_a_carrier_of_ours_refuses_in_the_readers_language(
    person: Person, client: TestClient, work: Callable[[], None]
) -> None:
    """Also when the worker asked, long before anybody looked."""
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    swiss = make.address(country_code="CH", postal_code="8001", city="Zürich")
    sent = [make.order(f"c-{n}", shipping_address=swiss, shipping_details=measured) for n in range(2)]
    ids = [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]
    page = person("packer")
    page.headers["accept-language"] = "de"
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), "option": "post:parcel"}
    shown = page.post("/orders/labels", data=form)
    work()
    text = unescape(page.get(str(shown.url)).text)
    assert text.count("Eine Zollerklärung braucht den HS-Code von Green tea, 6 bis 10 Ziffern (") == 2
    assert not ENGLISH.search(" ".join(re.findall(r'class="fault">([^<]+)<', text)))
    [shipment, _] = client.get("/api/v3/shipments").json()["data"]
    assert "A customs declaration needs the HS code of Green tea" in str(shipment)
    form |= {"option": "sendcloud:letter", "id": [str(ids[0])]}
    heavy = {"shipping_details": {"measurement": {"weight": {"value": 3, "unit": "kg"}}}}
    assert client.patch(f"{URL}/{ids[0]}", json=heavy).status_code == 200
    shown = page.post("/orders/labels", data=form)
    assert "Die Versandart sendcloud:letter nimmt höchstens 2 kg, das Paket hat 3.000 kg." in unescape(shown.text)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("language", "name"),
    [("nl", "Eigen bezorging, spoed"), ("de", "Eigene Zustellung, Express"), ("fr", "Livraison propre, express")],
)
def test_options_of_our_carriers_are_named_in_the_readers_language(
    person: Person, client: TestClient, language: str, name: str
) -> None:
    [order] = client.post(URL, json=[make.order(shipping_address=make.address())]).json()["data"]
    page = person()
    page.headers["accept-language"] = language
    for place in (
        "/settings/options", "/settings/rules/new", f"/orders/{order['id']}", f"/orders/options?id={order['id']}",
        f"/labels/new?orders={order['id']}",
    ):  # fmt: skip
        text = unescape(page.get(place).text)
        assert name in text, place
        assert "Own delivery" not in text, place
    assert "Own delivery" not in page.get("/settings/contracts").text
    listed = client.post("/api/v3/shipping-options", json={}, headers={"accept-language": language}).json()["data"]
    assert {"Own delivery", "Own delivery, express", "Small packet"} <= {option["name"] for option in listed}


@pytest.mark.one_database
def test_warnings_and_reasons_of_rules_are_told_in_the_readers_language(person: Person, client: TestClient) -> None:
    wrong = make.order("w-1", shipping_address=make.address(postal_code="x", phone_number="12"))
    [order] = client.post(URL, json=[wrong]).json()["data"]
    page = person()
    page.headers["accept-language"] = "nl"
    words = ("Postcodes van NL worden niet zo geschreven.", "Dit kan geen telefoonnummer zijn, gebeld vanuit NL.")
    for place in ("/orders", f"/orders/{order['id']}", "/"):
        text = unescape(page.get(place).text)
        assert all(each in text for each in words), place
    rule = {"name": "to DE", "is_active": "1", "actions/shipping_option_code": "post:parcel"}
    stored(
        send(
            page,
            "/settings/rules",
            **rule,
            **{"conditions/countries": "DE", "conditions/weight/max": "2", "conditions/weight/unit": "kg"},
        )
    )
    text = unescape(page.get("/settings/rules?number=N-w-1").text)
    assert "De order gaat naar NL; de regel is voor DE." in text
    assert "Het gewicht van de order is niet bekend." in text


def test_what_is_wrong_in_a_file_is_told_in_the_readers_language(person: Person, do_jobs: Callable[..., None]) -> None:
    page = person("packer")
    page.headers["accept-language"] = "fr"
    form = {"csrf": token(page.get("/import").text)}
    lines = b'{broken\n{"order_id": "i-1", "order_number": "1"}\n'
    answer = page.post("/import", data=form, files={"file": ("orders.jsonl", lines)})
    do_jobs()
    text = unescape(page.get(str(answer.url)).text)
    assert "JSON non valable" in text
    assert "<td>Ce champ est nécessaire</td>" in text
    assert "Field required" not in text


BROKEN = [
    ("orders.json", b"[{}, nothing]", "JSON", "Expecting value"),
    ("orders.json", b"[{", "JSON", "the file ends within a record"),
    ("orders.json", b'[{"order_id" "x"}    ' + b" " * 30 + b"]", "JSON", "Expecting ':' delimiter"),
    ("orders.jsonl", b"{no}\n", "JSON", "Expecting property name"),
    ("orders.jsonl", rb'{"order_id": "\ud800"}', "JSON", "unexpected end of hex escape"),
    ("orders.csv", b'order_id,order_number\n"x"y,1\n', "CSV", "expected after"),
    ("orders.csv", b'order_id,order_number\n"x', "CSV", "unexpected end"),
    ("orders.csv", b"order_id,colour\n", "colour", "unknown"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("name", "content", "kept", "english"), BROKEN)
@pytest.mark.parametrize("language", TRANSLATED)
def test_why_a_file_cannot_be_read_is_told_in_the_readers_language(
    person: Person, do_jobs: Callable[..., None], language: str, name: str, content: bytes, kept: str, english: str
) -> None:
    page = person("packer")
    form = {"csrf": token(page.get("/import").text)}
    shown = page.post("/import", data=form, files={"file": (name, content)})
    do_jobs()
    said = {}
    for reader in ("en", language):
        page.headers["accept-language"] = reader
        text = page.get(shown.url.path).text
        [*_, told] = re.findall(r'role="alert">([^<]+)<', text) or re.findall(r"<td></td><td>([^<]*)</td></tr>", text)
        said[reader] = unescape(told)
    assert english in said["en"]
    assert kept in said[language]
    assert english not in said[language]


@pytest.mark.one_database
def test_a_password_and_a_user_are_refused_in_the_readers_language(person: Person) -> None:
    page = person()
    page.headers["accept-language"] = "de"
    found = told(send(page, "/settings/users", email="x", password="short", role="packer"))
    assert found == ["Eine E-Mail-Adresse muss ein @ haben.", "Ein Passwort hat 10 bis 200 Zeichen."]
    answer = send(page, "/settings/users/2/role", role="king")
    assert "Eine Rolle ist eine von owner, packer, viewer." in answer.text


def test_all_faults_of_a_field_stand_there_and_none_twice() -> None:
    """Those of its parts too; what belongs to no field stands by itself."""
    told = (("tags/0", "One"), ("tags/2", "Another"), ("tags/3", "One"), ("elsewhere", "Else"))
    at_places = [errors.Fault("invalid", detail, pointer=f"{errors.ATTRIBUTES}/{place}") for place, detail in told]
    assert edits.to_faults(at_places, {"tags": ""}) == {"tags": "One\nAnother", "": "Else"}
