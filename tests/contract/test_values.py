"""Values that come from a published list, or have a form of their own: places, currencies, enums, e-mails, URLs."""

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.contract.test_hostile import ITEM, PRICES, _check_errors, _get, _refuses, _send, _set, _stores, _whole


@pytest.mark.one_database
def test_places_that_do_not_exist(client: TestClient) -> None:
    meant = {
        "UK": "GB",
        "EL": "GR",
        "XI": "GB",
        "IC": "ES",
        "NLD": "NL",
        "528": "NL",
        "Germany": "DE",
        "Nederland": "NL",
    }
    meant |= {"République tchèque": "CZ", "日本": "JP", "United Kingdom (UK)": "GB", "Holland": "NL"}
    for code in ("XX", "ZZ", "EU", "N", "ＮＬ", "Congo", *meant):
        country = "Input should be an ISO 3166-1 alpha-2 country code"
        country += f": {meant[code]}, not {code}" if code in meant else ""
        for place in ("shipping_address", "billing_address"):
            _refuses(client, f"{place}/country_code", code, country)
        _refuses(client, f"{ITEM}/country_of_origin", code, country)
        _refuses(client, "customs_details/tax_numbers/sender/0/country_code", code, country)


@pytest.mark.one_database
def test_a_subdivision_of_another_country_refuses_nothing(client: TestClient) -> None:
    for code in ("NY", "US-NY", "NL-XX", "XX", "-NH", "NL-", "us-ny"):
        for place in ("shipping_address", "billing_address"):
            _stores(client, place, make.address(state_province_code=code))


@pytest.mark.one_database
@pytest.mark.parametrize("place", ["shipping_address", "billing_address"])
def test_places_that_exist(client: TestClient, place: str) -> None:
    known = {
        "NL": ("NH", "NL-NH", ""),
        "US": ("NY", "US-NY"),
        "XK": ("",),
        "GB": ("GB-SCT", "SCT"),
        "FR": ("75C", "FR-75C"),
    }
    for country, codes in known.items():
        for code in codes:
            _stores(client, place, make.address(country_code=country, state_province_code=code))
    _stores(client, f"{ITEM}/country_of_origin", "XK")
    _stores(client, "customs_details/tax_numbers/sender/0/country_code", "XK")


@pytest.mark.one_database
def test_currencies(client: TestClient) -> None:
    for path in PRICES:
        for code in ("EUR", "GBP", "USD", "CHF", "PLN", "JPY", "XAU", "KWD", "HRK", "BGN", "ANG", "DEM"):
            _stores(client, path, {"value": "3.99", "currency": code})
        meant = {"euro": "EUR", "EURO": "EUR", "€": "EUR", "978": "EUR", "RMB": "CNY", "CNH": "CNY", "£": "GBP"}
        for code in ("XYZ", "EU", "$", *meant):
            told = "USD / CAD / AUD" if code == "$" else meant.get(code)
            price = {"value": 1, "currency": "EUR"}
            order = _set(_whole(), path, price)
            assert _get(order, path) is price
            [fault] = _check_errors(_send(client, [_set(order, f"{path}/currency", code)]))
            detail = "Input should be an ISO 4217 currency code"
            assert fault["detail"] == (f"{detail}: {told}, not {code}" if told else detail)
            assert fault["source"] == {"pointer": f"/data/attributes/[0]/{path}/currency"}


DANGEROUS = {
    "regulation_set": ("IATA", "ADR"),
    "unit_of_measurement": ("KG", "G", "L", "ML"),
    "commodity_regulated_level_code": ("LQ", "EQ"),
    "transportation_mode": ("Highway", "Ground", "PAX", "CAO"),
    "adr_packing_group_letter": ("I", "II", "III"),
    "weight_type": ("Net", "Gross"),
}


@pytest.mark.one_database
def test_enum_values_of_dangerous_goods_in_any_case(client: TestClient) -> None:
    for name, options in DANGEROUS.items():
        for option in options:
            for written in (option, option.upper(), option.lower(), option.swapcase(), option.capitalize()):
                _stores(client, f"{ITEM}/dangerous_goods/{name}", written)
        quoted = [f"'{option}'" for option in options]
        detail = f"Input should be {', '.join(quoted[:-1])} or {quoted[-1]}"
        for wrong in ("", "x", f"{options[0]} ", f"{options[0]}\n", "ı"):
            _refuses(client, f"{ITEM}/dangerous_goods/{name}", wrong, detail)


@pytest.mark.one_database
def test_emails_and_urls(client: TestClient) -> None:
    for value in (
        "ada@example.com",
        "a.b+c@sub.example.org",
        "ADA@EXAMPLE.NET",
        "jürgen@example.com",
        "x@bücher.example.com",
        "ada",  # of what follows it is warned, see tests/shipping/test_written_otherwise.py
        "@example.com",
        "a@b@example.com",
        "ada@example..com",
        "a\n@example.com",
    ):
        _stores(client, "shipping_address/email", value)
    for wrong in (5, True, ["ada@example.com"], "ada@\0example.com"):
        _refuses(client, "shipping_address/email", wrong)
        _refuses(client, "billing_address/email", wrong)
    for value in (
        "https://example.com/a.png?x=1#y",
        "http://example.com",
        "https://example.com/grün tee.png",
    ):
        _stores(client, f"{ITEM}/image_url", value)
    for value in ("http://", "/media/a.png", "https://[::1", "not a url"):
        _refuses(client, f"{ITEM}/image_url", value)
    for value in (
        "ftp://example.com/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "JAVASCRIPT://example.com/%0aalert(1)",
    ):
        _refuses(client, f"{ITEM}/image_url", value, "URL scheme should be 'http' or 'https'")
