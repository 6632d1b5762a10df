"""Messages: in the reader's language on the page, in English to programs."""

import asyncio
import csv
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pytest
from email_validator import EmailNotValidError, validate_email
from pydantic import AnyUrl, TypeAdapter, ValidationError
from pydantic_core import from_json
from sqlalchemy import select, update
from starlette.testclient import TestClient

from packhouse.accounts import schema as accounts
from packhouse.integrations import schema as integrations
from packhouse.kit import errors, messages
from packhouse.kit.db import Database
from packhouse.kit.messages import Message, message
from packhouse.kit.wire import validation
from packhouse.orders import schema as orders
from packhouse.orders.tables import import_parts, imports
from packhouse.shipping import schema as shipping
from packhouse.shipping.setup.setup_schema import KINDS, SETTINGS
from packhouse.shipping.tables import shipments
from packhouse.web.frame import languages
from packhouse.web.orders import edits
from packhouse.webhooks import schema as webhooks
from tests import make
from tests.web import catalogues
from tests.web.conftest import token
from tests.web.test_orders_page import work
from tests.web.test_settings import send, stored

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

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


def flaws_of(shape: Any) -> Iterator[Message]:
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


LINES = messages.join("\n", [message("Field required"), message("Does not exist.")])
RANGE = message("from {low} {unit} up to {high} {unit}", low="1", high="2.5", unit="kg")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (message("There is no contract with id {contract_id}.", contract_id=7), "Es gibt keinen Vertrag mit der ID 7."),
        (
            message("There is no {noun} with id {id}.", noun=KINDS["rule"].noun, id=7),
            "Nicht gefunden: Versandregel mit der ID 7.",
        ),
        (
            message("The order weighs {weight} kg; the rule is for {range}.", weight=3, range=RANGE),
            "Die Bestellung wiegt 3 kg; die Regel ist für von 1 kg bis 2.5 kg.",
        ),
        (LINES, "Dieses Feld ist nötig Gibt es nicht."),
        # What was put in is somebody's, whatever it reads like.
        (
            message("A customs declaration needs the weight of {name}", name="Parcel"),
            "Eine Zollerklärung braucht das Gewicht von Parcel",
        ),
        (
            message("There is a user {email} already.", email="{email} %(x)s"),
            "Es gibt schon einen Benutzer {email} %(x)s.",
        ),
        # A carrier's words.
        (messages.foreign("Adresse {street} inconnue, 100 %"), "Adresse {street} inconnue, 100 %"),
        (message("{said} ({code})", said=messages.foreign("Adresse inconnue"), code=""), "Adresse inconnue ()"),
        ("", ""),
        (message("There is no field {unknown}.", unknown=messages.foreign("")), "Es gibt kein Feld ."),
    ],
)
def test_what_is_put_into_a_message_is_put_into_its_translation(told: str, said: str) -> None:
    assert languages.translate("de-CH", told) == said
    assert languages.translate("en-GB", told) == told.replace("\n", " ")


EMAILS = ("x", "@x.nl", "x@", "x@y", "a..b@x.nl", ".a@x.nl", "a.@x.nl", "x@-a.nl", "x@a..nl", "x@.nl", "x@a.nl.")
URLS = ("", "x", "http://", "http://a:x", "http://[", "http://a b")
INSTANTS = ("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:61:00Z")
JSONS = (
    "", "{", '{"a" 1}', '{"a":1 "b"}', "[1 2]", "{a:1}", '{"a":1,}', "[1,]", '"a', '"\n"', r'"\x"', r'"\u12"',
    r'"\ud800"', r'"\ud800\u0020"', "1 2", '{"a":', "{1:2", "01", "[1", "nul", "-",
)  # fmt: skip
CSVS = ('"a', '"a"b')


def say_of_libraries() -> Iterator[str]:
    """What they say of values that are wrong in every way we know."""
    for text in EMAILS:
        with pytest.raises(EmailNotValidError) as refused:
            validate_email(text, check_deliverability=False)
        yield str(refused.value)
    for kind, texts in ((AnyUrl, URLS), (datetime, INSTANTS)):
        for text in texts:
            with pytest.raises(ValidationError) as invalid:
                TypeAdapter(kind).validate_python(text)
            yield invalid.value.errors()[0]["ctx"]["error"]
    for text in JSONS:
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            yield error.msg
        try:
            from_json(text)
        except ValueError as error:
            yield str(error).partition(" at line ")[0]
    for text in CSVS:
        with pytest.raises(csv.Error) as broken:
            list(csv.reader([text], strict=True))
        yield str(broken.value)


def test_what_libraries_say_is_in_the_catalogues() -> None:
    assert set(say_of_libraries()) <= catalogues.find_texts()


def test_a_new_message_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "lamps.py").write_text('message("To an operator")\n')
    (tmp_path / "lamps.py").write_text(
        """
LATE = marked("It is late.")
def light(lamp):
    raise Invalid(ErrorItem("invalid", message("The lamp {id} "
        "of {owner} is out: {why}.", id=lamp.id, owner=lamp.owner, why=message("no oil"))))
"""
    )
    found = set(catalogues.find_in_python(tmp_path))
    assert found == {"It is late.", "The lamp {id} of {owner} is out: {why}.", "no oil"}
    assert not catalogues.has_words("{why} ({place}).")


def told(page: Any) -> list[str]:
    return [unescape(words) for words in re.findall(r'class="(?:told fault|fault told)">([^<]+)<', page.text)]


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
        found = re.findall(r'(?:role="alert"|class="banner warn")>([^<]+)<', text)
        [*_, told] = found or re.findall(r"<td></td><td>([^<]*)</td></tr>", text)
        said[reader] = unescape(told)
    assert english in said["en"]
    assert kept in said[language]
    assert english not in said[language]


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
    at_places = [
        errors.ErrorItem("invalid", message(detail), pointer=f"{errors.ATTRIBUTES}/{place}") for place, detail in told
    ]
    assert edits.to_faults(at_places, {"tags": ""}) == {"tags": "One\nAnother", "": "Else"}


def alerts(page: Any) -> str:
    """What the page's main part says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text.partition("<main")[2])).split())


def test_what_is_not_found_is_told_in_the_readers_language(person: Person) -> None:
    page = person()
    page.headers["accept-language"] = "de"
    rule = {"name": "r", "is_active": "1", "actions/shipping_option_code": "post:parcel", "actions/contract_id": "77"}
    assert told(send(page, "/settings/rules", **rule)) == ["Nicht gefunden: Vertrag mit der ID 77."]


def test_a_conflict_is_told_in_the_readers_language_with_its_values(
    person: Person, client: TestClient, work: Callable[[], None]
) -> None:
    """One of the values is a message itself."""
    swiss = make.order("c-1", shipping_address=make.address(country_code="CH", postal_code="8001"))
    [order] = client.post(URL, json=[swiss]).json()["data"]
    page = person("packer")
    page.headers["accept-language"] = "de"
    form = {"csrf": token(page.get("/orders").text), "id": order["id"], "option": "post:parcel"}
    page.post("/orders/labels", data=form)
    work()
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    moved = {"csrf": form["csrf"], "parcel": shipment["parcels"][0]["id"], "status": "11"}
    refused = page.post("/shipments/track", data=moved)
    said = "Das Paket ist nicht unterwegs: Sein Status ist 1002 (Anmeldung fehlgeschlagen)."
    assert (refused.status_code, said in alerts(refused)) == (409, True), alerts(refused)
    answer = client.post(f"/api/packhouse/parcels/{moved['parcel']}/status", json={"status": 11})
    english = "The parcel is not on its way: its status is 1002 (Announcement failed)."
    assert answer.json()["errors"][0]["detail"] == english


async def overwrite(database_url: str, table: Any, **values: str) -> None:
    db = Database(database_url)
    await db.write(lambda tx: tx.change(update(table).values(values)))
    await db.close()


async def read_column(database_url: str, column: Any) -> str:
    db = Database(database_url)
    async with db.read() as tx:
        found = await tx.fetch_value(select(column))
    await db.close()
    return str(found)


def test_why_a_label_failed_is_kept_with_its_values_and_was_once_kept_without(
    person: Person, client: TestClient, work: Callable[[], None], database_url: str
) -> None:
    swiss = make.order("c-1", shipping_address=make.address(country_code="CH", postal_code="8001"))
    [order] = client.post(URL, json=[swiss]).json()["data"]
    page = person("packer")
    page.headers["accept-language"] = "de"
    form = {"csrf": token(page.get("/orders").text), "id": order["id"], "option": "post:parcel"}
    shown = page.post("/orders/labels", data=form).url
    work()
    kept = asyncio.run(read_column(database_url, shipments.c.errors))
    assert '"template":"A customs declaration needs the HS code of {name}, 6 to 10 digits"' in kept
    assert "Eine Zollerklärung braucht den HS-Code von Green tea, 6 bis 10 Ziffern" in alerts(page.get(str(shown)))
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    english = (
        "A customs declaration needs the HS code of Green tea, 6 to 10 digits (order_details/order_items/0/hs_code)."
    )
    assert english in [error["detail"] for error in shipment["errors"]]
    old = [{"code": "invalid", "detail": detail} for detail in (english, "The contract of this shipment was deleted.")]
    asyncio.run(overwrite(database_url, shipments, errors=orjson.dumps(old).decode()))
    assert f"{english} Den Vertrag dieser Sendung gibt es nicht mehr." in alerts(page.get(str(shown)))
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    assert shipment["errors"] == old


def test_what_was_refused_in_a_file_is_kept_with_its_values_and_was_once_kept_without(
    person: Person, do_jobs: Callable[..., None], database_url: str
) -> None:
    page = person("packer")
    page.headers["accept-language"] = "de"
    form = {"csrf": token(page.get("/import").text)}
    lines = b'{"order_id": "", "order_number": "1"}\n{"order_id": "i-1" 2}\n'
    shown = page.post("/import", data=form, files={"file": ("orders.jsonl", lines)}).url.path
    do_jobs()
    text = alerts(page.get(shown))
    assert "Der Text muss mindestens 1 Zeichen haben" in text
    assert "Ungültiges JSON: ein ',' wird erwartet in Spalte 20" in text
    kept = asyncio.run(read_column(database_url, import_parts.c.faults))
    assert '"values":{"min_length":"1"}' in kept
    english = orjson.loads(kept)
    for record in english:
        for fault in record["faults"]:
            fault["detail"] = str.__str__(messages.from_stored(fault["detail"]))
    asyncio.run(overwrite(database_url, import_parts, faults=orjson.dumps(english).decode()))
    text = alerts(page.get(shown))
    assert "String should have at least 1 character" in text
    assert "Dieses Feld ist nötig" in text


def test_why_a_file_broke_is_kept_with_its_values_and_was_once_kept_without(
    person: Person, do_jobs: Callable[..., None], database_url: str
) -> None:
    page = person("packer")
    page.headers["accept-language"] = "de"
    form = {"csrf": token(page.get("/import").text)}
    shown = page.post("/import", data=form, files={"file": ("orders.csv", b"order_id,Ada\n")}).url.path
    do_jobs()
    assert "Spalten, die nicht gelesen werden können. unbekannt: 'Ada'." in alerts(page.get(shown))
    asyncio.run(overwrite(database_url, imports, broken_detail="Columns that cannot be read. unknown: 'Ada'."))
    assert "Columns that cannot be read. unknown: 'Ada'." in alerts(page.get(shown))
