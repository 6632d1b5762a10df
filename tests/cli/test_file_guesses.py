"""Tables that no preset knows, in several languages: what their columns are guessed to be, and what comes of it."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from packhouse.kit import clock
from packhouse.kit.data import zones
from tests.cli.conftest import Run

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

GERMAN = """Bestellnummer; Bestelldatum ;Kunde;Straße und Nr.;PLZ;Ort;Land;E-Mail;Artikel;Menge;Einzelpreis;\
Gewicht (g);Gesamtbetrag
R-1;14.03.2026 09:05;Jörg Müller;Weg 5a;01067;Dresden;Deutschland;j@example.de;Tasse;2 Stk.;1.234,50 €;350;2.479 €
R-1;14.03.2026 09:05;Jörg Müller;Weg 5a;01067;Dresden;Deutschland;j@example.de;Teller;1x;10,00 €;500;2.479 €
"""
FRENCH = """N° commande,Date de commande,Nom,Adresse,Complément d'adresse,Code postal,Ville,Pays,Produit,\
Référence,Quantité,Prix unitaire,Total TTC
R-1,02/03/2026 10h30,Zoé Dupont,"12, rue de la Paix",Bât. B,75002,Paris,France,Thé vert,T-1,2,"12,50","25,00"
R-2,25/03/2026 11h00,Luc Payet,1 rue X,,97400,Saint-Denis,La Réunion,Thé noir,T-2,1,"9,5","9,5"
"""
POLISH = """Numer zamówienia;Data;Imię i nazwisko;Ulica;Kod pocztowy;Miasto;Kraj;Telefon;Produkt;Ilość;Cena;Razem
R-1;14.03.2026;Łukasz Żak;Długa 5/7;00-238;Warszawa;Polska;+48 600 000 000;Kubek;2;19,99 zł;39,98 zł
"""
SPANISH = """Pedido;Fecha;Nombre;Apellidos;Dirección;CP;Población;Provincia;País;Producto;Cantidad;Precio;Total
R-1;14/03/2026;José;Muñoz;Calle Mayor 1;35001;Las Palmas;Las Palmas;España;Taza;2;10,00;20,00
"""
JAPANESE = """注文番号,注文日,お名前,郵便番号,都道府県,市区町村,住所,電話番号,商品名,数量,単価,合計
R-1,2026/03/14 10:00,山田太郎,100-0001,東京都,千代田区,千代田1-1,03-1234-5678,緑茶,2個,"1,200円","2,400円"
"""
TWO_PARTIES = """Order #,Invoice name,Invoice city,Delivery name,Delivery street,Delivery city,Zip,Country,Item,Qty,Date
R-1,Payer Ltd,London,Ada Visser,Damrak 1,Amsterdam,1012 LG,NL,Tea,1,2026-03-14
"""


def stored(client: TestClient) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = client.get("/api/v3/orders").json()["data"]
    return orders


def bring(run: Run, folder: Path, content: str) -> dict[str, Any]:
    path, mapping = folder / "theirs.csv", folder / "mapping.toml"
    path.write_text(content, "utf-8")
    mapping.write_text(run(f"orders mapping guess {path}").stdout, "utf-8")
    report: dict[str, Any] = json.loads(
        run(f"orders import {path} --account owner --into 1 --mapping {mapping} --json").stdout
    )
    assert (report["refused"], report["stopped"]) == (0, None), report
    return report


@pytest.mark.parametrize(
    ("content", "recipient", "item"),
    [
        (GERMAN, ["Jörg Müller", "Weg 5a", "01067", "Dresden", "DE"], ["Tasse", 2, 1234.5, "EUR"]),
        (FRENCH, ["Zoé Dupont", "12, rue de la Paix", "75002", "Paris", "FR"], ["Thé vert", 2, 12.5, "EUR"]),
        (POLISH, ["Łukasz Żak", "Długa 5/7", "00-238", "Warszawa", "PL"], ["Kubek", 2, 19.99, "PLN"]),
        (SPANISH, ["José Muñoz", "Calle Mayor 1", "35001", "Las Palmas", "ES"], ["Taza", 2, 10.0, "EUR"]),
        (JAPANESE, ["山田太郎", "千代田1-1", "100-0001", "千代田区", "NL"], ["緑茶", 2, 1200, "JPY"]),
        (TWO_PARTIES, ["Ada Visser", "Damrak 1", "1012 LG", "Amsterdam", "NL"], ["Tea", 1, None, None]),
    ],
)
def test_columns_in_the_language_of_the_shop(
    run: Run, client: TestClient, tmp_path: Path, content: str, recipient: list[str], item: list[Any]
) -> None:
    bring(run, tmp_path, content)
    order = next(order for order in stored(client) if order["order_id"] == "R-1")
    address = order["shipping_address"]
    parts = ("name", "address_line_1", "postal_code", "city", "country_code")
    assert [address[part] for part in parts] == recipient
    first = order["order_details"]["order_items"][0]
    price = first.get("unit_price", {})
    assert [first["name"], first["quantity"], price.get("value"), price.get("currency")] == item


def test_a_column_says_its_unit_and_an_email_is_the_recipients_too(
    run: Run, client: TestClient, tmp_path: Path
) -> None:
    bring(run, tmp_path, GERMAN)
    [order] = stored(client)
    assert [one["measurement"]["weight"] for one in order["order_details"]["order_items"]] == [
        {"value": 350, "unit": "g"},
        {"value": 500, "unit": "g"},
    ]
    assert order["shipping_address"]["email"] == order["customer_details"]["email"] == "j@example.de"


def test_a_new_order_of_a_file_without_times_is_of_today(run: Run, client: TestClient, tmp_path: Path) -> None:
    """And one that is there keeps its own."""
    rows = "Order,Recipient,Street,City,Zip,Country,Item,Qty\n7,Ada Visser,Damrak 1,Amsterdam,1015 CR,NL,Tea,2\n"
    report = bring(run, tmp_path, rows)
    told = [one for warned in report["warnings"] for one in warned["warnings"]]
    assert "assumed" in {one["code"] for one in told if one["pointer"] == "/order_details/order_created_at"}
    [order] = stored(client)
    placed_at = order["order_details"]["order_created_at"]
    assert placed_at == zones.to_day(clock.now(), ZoneInfo("Europe/Amsterdam"))
    earlier = {"order_details": {"order_created_at": "2026-03-14T08:00:00.000000+00:00"}}
    client.patch(f"/api/v3/orders/{order['id']}", json=earlier)
    again = bring(run, tmp_path, rows.replace("Tea,2", "Tea,3"))
    assert (again["created"], again["updated"]) == (0, 1)
    [order] = stored(client)
    assert order["order_details"]["order_created_at"] == earlier["order_details"]["order_created_at"]


def test_columns_that_a_mapping_knows_and_a_file_lacks_are_told(run: Run, client: TestClient, tmp_path: Path) -> None:
    header, row = "Order,Recipient,Street,City,Zip,Country,Item,Qty", "7,Ada Visser,Damrak 1,Amsterdam,1015 CR,NL,Tea,2"
    bring(run, tmp_path, f"{header}\n{row}\n")
    run(f"orders mapping save ours {tmp_path / 'mapping.toml'} --account owner")
    path = tmp_path / "later.csv"
    path.write_text(
        "Qty,Street,Zip,City,Recipient,Colour,Item,Order\n1,Damrak 2,1015 CR,Amsterdam,Bo,red,Cup,8\n", "utf-8"
    )
    report = json.loads(run(f"orders import {path} --account owner --into 1 --preset ours --json").stdout)
    assert (report["created"], report["refused"]) == (1, 0), report
    assert report["file"]["notes"] == [
        {"line": 1, "detail": "These columns of the preset are not in the file: Country."}
    ]
    [later] = [order for order in stored(client) if order["order_id"] == "8"]
    assert [item["name"] for item in later["order_details"]["order_items"]] == ["Cup"]
    assert later["shipping_address"]["country_code"] == "NL"


def test_a_title_above_unknown_columns_is_passed_over(run: Run, client: TestClient, tmp_path: Path) -> None:
    header, row = "Order,Recipient,Street,City,Zip,Country,Item,Qty", "7,Ada Visser,Damrak 1,Amsterdam,1015 CR,NL,Tea,2"
    bring(run, tmp_path, f"Orders of March\nPrinted,2026-03-14\n\n{header}\n{row}\n")
    assert [order["order_id"] for order in stored(client)] == ["7"]


def test_columns_of_one_name_are_told_apart(run: Run, client: TestClient, tmp_path: Path) -> None:
    rows = "Order,Name,Name,Qty,City,Zip,Country,Date,Address\n"
    rows += "7,Ada Visser,Green tea,2,Amsterdam,1015 CR,NL,2026-03-14,Damrak 1\n"
    report = bring(run, tmp_path, rows)
    told = [one["detail"] for warned in report["warnings"] for one in warned["warnings"]]
    assert "No column says which article this is, so there is no item (line 2)." in told
    path, mapping = tmp_path / "theirs.csv", tmp_path / "mapping.toml"
    text = mapping.read_text("utf-8")
    assert '# "Name (2)" = ""' in text
    mapping.write_text(text.replace('# "Name (2)" = ""', '"Name (2)" = "item.name"'), "utf-8")
    run(f"orders mapping save ours {mapping} --account owner")
    assert json.loads(run(f"orders import {path} --account owner --into 1 --json").stdout)["file"]["preset"] == "ours"
    [order] = stored(client)
    assert [item["name"] for item in order["order_details"]["order_items"]] == ["Green tea"]
    assert order["shipping_address"]["name"] == "Ada Visser"
