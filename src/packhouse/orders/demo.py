"""Orders to try things out with: invented people at real streets, buying from a small shop's catalogue.

The people, streets and products stand in `demo.json`. Nobody can be reached by the data: e-mails end in example.com,
.org or .net, EANs begin with 952 (kept by GS1 for demonstrations), and telephone numbers come from ranges that are
reserved for fiction (DE, FR, GB, US) or given to nobody (the other countries).

Amounts are counted in cents, and divided by 100 only where they are written: the float nearest to a decimal of two
digits is written with those two digits.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import product
from random import Random
from typing import Any, NamedTuple, TypeVar

from packhouse.kit.data import gtin

T = TypeVar("T")
Entry = dict[str, Any]

_SPREAD = timedelta(days=10)
_PREFIXES = "NTBKWSLHMR"
_FIRST_NUMBER = 10_000
_ITEM_COUNTS = (1, 1, 1, 2, 2, 2, 3, 3, 4, 5)
_QUANTITIES = (1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
_WHOLESALE_QUANTITIES = (4, 6, 6, 10, 12, 24)
_MAIL_DOMAINS = ("example.com", "example.org", "example.net")
_BOXES = ((700, (25, 18, 8)), (3_000, (35, 25, 15)), (10_000, (50, 35, 30)))
"""Grams up to which a box is taken, and its length, width and height in cm."""

_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l"})


class _PhoneRange(NamedTuple):
    prefix: str
    free_digits: int


class _Place(NamedTuple):
    """A part of one street that has one postal code. `service_points` are empty where none is offered."""

    street: str
    postal_code: str
    city: str
    state: str | None
    house_numbers: tuple[str, ...]
    phones: tuple[_PhoneRange, ...]
    service_points: tuple[Entry, ...]


class _People(NamedTuple):
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    surnames: int


class _Region(NamedTuple):
    """A part of a country in which one language is spoken. `deliveries`: standard, express, service point."""

    people: tuple[_People, ...]
    companies: tuple[str, ...]
    second_lines: tuple[str, ...]
    suffixes: tuple[str, ...]
    notes: tuple[str, ...]
    deliveries: tuple[str, str, str]
    places: tuple[_Place, ...]


class _Country(NamedTuple):
    """`shipping` (standard, express) and `free_from` are cents of `currency`; outside the EU there are tax numbers."""

    code: str
    currency: str
    tax_permille: int
    shipping: tuple[int, int]
    free_from: int
    takes_cash: bool
    has_service_points: bool
    asks_post_number: bool
    tax_numbers: Mapping[str, Sequence[Entry]] | None
    regions: tuple[_Region, ...]


class _Article(NamedTuple):
    """What is sold: a product in one variant. `fixed` are the keys of an item that never differ."""

    fixed: Entry
    properties: Entry
    size_in_cm: Sequence[int] | None
    grams: int
    material: str | None
    cents: Mapping[str, int]


class _World(NamedTuple):
    """Countries and statuses stand in it as often as they weigh, to be drawn with one number."""

    countries: tuple[_Country, ...]
    products: tuple[tuple[_Article, ...], ...]
    statuses: tuple[Entry, ...]
    tags: tuple[str, ...]


class _Run(NamedTuple):
    seed: int
    integration_ids: tuple[int, ...]
    now: datetime


class _Sale(NamedTuple):
    """The choices that several parts of one order share. `business` is a company's name."""

    order_id: str
    order_number: str
    created_at: datetime
    country: _Country
    region: _Region
    place: _Place
    business: str | None
    status: Entry
    bought: tuple[tuple[_Article, int], ...]
    to_service_point: bool
    is_express: bool
    is_gift: bool


def make_orders(count: int, *, seed: int, integration_ids: Sequence[int], now: datetime) -> Iterator[Entry]:
    """Entries for POST /orders, made one by one; each is the caller's own to change.

    The i-th depends only on i and on the keyword arguments, so a longer run begins with the shorter one. Integrations
    take turns. `order_id` differs for each seed and index; so do the order numbers of one integration for seeds 0 to
    999, up to 100,000 orders each. Orders were placed in the ten days before `now` (aware). Raises ValueError where
    there is no integration.
    """
    if not integration_ids:
        raise ValueError("Orders belong to an integration, and none was given.")
    world = _load_world()
    run = _Run(seed, tuple(integration_ids), now.astimezone(UTC))
    return (_make_order(world, run, index) for index in range(count))


def _make_order(world: _World, run: _Run, index: int) -> Entry:
    # Not for secrets; and only `random()` of a generator seeded so gives the same numbers in every Python.
    rng = Random(f"{run.seed}:{index}")  # noqa: S311
    sale = _make_sale(rng, world, run, index)
    recipient = _make_address(rng, sale, sale.place)
    billed = _make_address(rng, sale, _pick(rng, sale.region.places)) if sale.is_gift else dict(recipient)
    order = {
        "order_id": sale.order_id,
        "order_number": sale.order_number,
        "order_details": _make_details(rng, world, run, sale, index),
        "payment_details": _make_payment(rng, sale),
        "customer_details": {key: billed[key] for key in ("name", "phone_number", "email")},
        "billing_address": billed,
        "shipping_address": recipient,
        "shipping_details": _make_shipping(rng, sale),
    }
    if sale.country.tax_numbers is not None:
        order["customs_details"] = _make_customs(sale, sale.country.tax_numbers)
    if sale.to_service_point:
        order["service_point_details"] = _make_service_point(rng, sale)
    return order


def _make_sale(rng: Random, world: _World, run: _Run, index: int) -> _Sale:
    turn, position = divmod(index, len(run.integration_ids))
    country = _pick(rng, world.countries)
    region = _pick(rng, country.regions)
    business = _pick(rng, region.companies) if _happens(rng, 0.12) else None
    # The countries that have them make five eighths of all orders; so one order in eight goes there.
    to_service_point = country.has_service_points and _happens(rng, 0.2)
    return _Sale(
        # "demo" lets these be told from real orders, also when they are searched for or deleted.
        order_id=f"demo-{run.seed}-{index + 1}",
        order_number=f"{_PREFIXES[position % len(_PREFIXES)]}-{_FIRST_NUMBER + run.seed % 1000 * 100_000 + turn}",
        created_at=run.now - _SPREAD * rng.random(),
        country=country,
        region=region,
        place=_pick(rng, region.places),
        business=business,
        status=_pick(rng, world.statuses),
        bought=_choose_articles(rng, world, _WHOLESALE_QUANTITIES if business else _QUANTITIES),
        to_service_point=to_service_point,
        is_express=not to_service_point and _happens(rng, 0.15),
        is_gift=business is None and _happens(rng, 0.1),
    )


def _choose_articles(rng: Random, world: _World, quantities: Sequence[int]) -> tuple[tuple[_Article, int], ...]:
    """Each of another product, because items of an order are told apart by their names."""
    wanted = _pick(rng, _ITEM_COUNTS)
    chosen: dict[int, tuple[_Article, int]] = {}
    while len(chosen) < wanted:
        place = int(rng.random() * len(world.products))
        chosen[place] = (_pick(rng, world.products[place]), _pick(rng, quantities))
    return tuple(chosen.values())


def _make_address(rng: Random, sale: _Sale, place: _Place) -> Entry:
    name, email = _make_person(rng, sale.region)
    address = {
        "name": name,
        "address_line_1": place.street,
        "house_number": _pick(rng, place.house_numbers) + _pick(rng, sale.region.suffixes),
        "postal_code": place.postal_code,
        "city": place.city,
        "country_code": sale.country.code,
        "email": email,
        "phone_number": _make_phone(rng, place),
    }
    if place.state:
        address["state_province_code"] = place.state
    if sale.business:
        address["company_name"] = sale.business
    if _happens(rng, 0.2):
        address["address_line_2"] = _pick(rng, sale.region.second_lines)
    return address


def _make_person(rng: Random, region: _Region) -> tuple[str, str]:
    people = _pick(rng, region.people)
    first = _pick(rng, people.first_names)
    last = [_pick(rng, people.last_names) for _ in range(people.surnames)]
    year = f"{60 + int(rng.random() * 40)}" if _happens(rng, 0.25) else ""
    email = f"{_to_ascii(first)}.{_to_ascii(last[0])}{year}@{_pick(rng, _MAIL_DOMAINS)}"
    return " ".join([first, *last]), email


@cache
def _to_ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(_ASCII))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalpha())


def _make_phone(rng: Random, place: _Place) -> str:
    prefix, free_digits = _pick(rng, place.phones)
    return f"{prefix}{int(rng.random() * 10**free_digits):0{free_digits}}"


def _make_details(rng: Random, world: _World, run: _Run, sale: _Sale, index: int) -> Entry:
    details: Entry = {
        "integration": {"id": run.integration_ids[index % len(run.integration_ids)]},
        "status": dict(sale.status["order"]),
        "order_created_at": _write_time(sale.created_at),
        "order_items": [_make_item(sale, number) for number in range(len(sale.bought))],
    }
    if _happens(rng, 0.4):
        details["order_updated_at"] = _write_time(sale.created_at + (run.now - sale.created_at) * rng.random())
    if _happens(rng, 0.15):
        details["notes"] = _pick(rng, sale.region.notes)
    if tags := _choose_tags(rng, world, sale):
        details["tags"] = tags
    return details


def _choose_tags(rng: Random, world: _World, sale: _Sale) -> list[str]:
    facts = {"b2b": sale.business is not None, "gift": sale.is_gift, "express": sale.is_express}
    tags = [tag for tag, holds in facts.items() if holds]
    return [*tags, _pick(rng, world.tags)] if _happens(rng, 0.35) else tags


def _make_item(sale: _Sale, number: int) -> Entry:
    article, quantity = sale.bought[number]
    currency = sale.country.currency
    cents = article.cents[currency]
    item = {
        "item_id": f"{sale.order_id}-{number + 1}",
        **article.fixed,
        "quantity": quantity,
        "unit_price": _to_price(cents, currency),
        "total_price": _to_price(cents * quantity, currency),
        "measurement": _measure(article.grams, article.size_in_cm),
    }
    if article.properties:
        item["properties"] = dict(article.properties)
    if article.material and sale.country.tax_numbers is not None:
        item["material_content"] = article.material
    return item


def _make_payment(rng: Random, sale: _Sale) -> Entry:
    """Prices are without tax, which is due on the items and on shipping: total = subtotal + shipping + tax."""
    country = sale.country
    subtotal = sum(article.cents[country.currency] * quantity for article, quantity in sale.bought)
    shipping = country.shipping[sale.is_express] if sale.is_express or subtotal < country.free_from else 0
    tax = ((subtotal + shipping) * country.tax_permille + 500) // 1000
    on_delivery = country.takes_cash and sale.business is None and _happens(rng, 0.15)
    payment: Entry = {
        "total_price": _to_price(subtotal + shipping + tax, country.currency),
        "subtotal_price": _to_price(subtotal, country.currency),
        "estimated_shipping_price": _to_price(shipping, country.currency),
        "estimated_tax_price": _to_price(tax, country.currency),
        "is_cash_on_delivery": on_delivery,
        "status": _choose_payment_status(sale, on_delivery),
    }
    if sale.business:
        payment["invoice_date"] = sale.created_at.date().isoformat()
    return payment


def _choose_payment_status(sale: _Sale, on_delivery: bool) -> Entry:
    if on_delivery:
        return {"code": "pending", "message": "Cash on delivery"}
    if sale.business:
        return {"code": "invoice", "message": "Paid by invoice"}
    return dict(sale.status["payment"])


def _make_shipping(rng: Random, sale: _Sale) -> Entry:
    standard, express, service_point = sale.region.deliveries
    method = service_point if sale.to_service_point else express if sale.is_express else standard
    grams = sum(article.grams * quantity for article, quantity in sale.bought)
    box = next((size for limit, size in _BOXES if grams <= limit), None) if _happens(rng, 0.3) else None
    shipping: Entry = {
        "is_local_pickup": False,
        "delivery_indicator": method,
        "measurement": _measure(grams, box),
    }
    if _happens(rng, 0.3):
        properties = {"shipping_option_code": "house:standard"}
        shipping["ship_with"] = {"type": "shipping_option_code", "properties": properties}
    return shipping


def _make_customs(sale: _Sale, tax_numbers: Mapping[str, Sequence[Entry]]) -> Entry:
    importer = [dict(number) for number in tax_numbers["company"]] if sale.business else []
    return {
        "commercial_invoice_number": f"INV-{sale.created_at.year}-{sale.order_number}",
        "shipment_type": "gift" if sale.is_gift else "commercial_goods",
        "export_type": "commercial_b2b" if sale.business else "commercial_b2c",
        "tax_numbers": {
            "sender": [dict(number) for number in tax_numbers["sender"]],
            "receiver": importer,
            "importer_of_record": [dict(number) for number in importer],
        },
    }


def _make_service_point(rng: Random, sale: _Sale) -> Entry:
    point = dict(_pick(rng, sale.place.service_points))
    if sale.country.asks_post_number:
        point["post_number"] = str(900_000_000 + int(rng.random() * 99_999_999))
    return point


def _pick(rng: Random, pool: Sequence[T]) -> T:
    """`random.choice` may draw other numbers in another Python."""
    return pool[int(rng.random() * len(pool))]


def _happens(rng: Random, probability: float) -> bool:
    return rng.random() < probability


def _to_price(cents: int, currency: str) -> Entry:
    return {"value": cents / 100, "currency": currency}


def _measure(grams: int, size_in_cm: Sequence[int] | None) -> Entry:
    measurement: Entry = {"weight": {"value": grams / 1000, "unit": "kg"}}
    if size_in_cm:
        length, width, height = size_in_cm
        measurement["dimension"] = {"length": length, "width": width, "height": height, "unit": "cm"}
    return measurement


def _write_time(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")


@cache
def _load_world() -> _World:
    raw = json.loads(resources.files("packhouse.orders").joinpath("demo.json").read_text("utf-8"))
    rates: dict[str, int] = raw["percent_of_euro"]
    return _World(
        countries=_weigh([(country["weight"], _read_country(country)) for country in raw["countries"]]),
        products=tuple(_read_product(number, entry, rates) for number, entry in enumerate(raw["products"], 1)),
        statuses=_weigh([(pair["weight"], pair) for pair in raw["statuses"]]),
        tags=tuple(raw["tags"]),
    )


def _weigh(weighed: Sequence[tuple[int, T]]) -> tuple[T, ...]:
    return tuple(entry for weight, entry in weighed for _ in range(weight))


def _read_country(raw: Entry) -> _Country:
    return _Country(
        code=raw["code"],
        currency=raw["currency"],
        tax_permille=raw["tax_permille"],
        shipping=(raw["shipping"][0], raw["shipping"][1]),
        free_from=raw["free_from"],
        takes_cash=raw.get("cash_on_delivery", False),
        has_service_points="service_point" in raw,
        asks_post_number=raw.get("service_point", {}).get("post_number", False),
        tax_numbers=raw.get("tax_numbers"),
        regions=_weigh([(region.get("weight", 1), _read_region(raw, region)) for region in raw["regions"]]),
    )


def _read_region(country: Entry, raw: Entry) -> _Region:
    standard, express, service_point = raw["deliveries"]
    return _Region(
        people=tuple(
            _People(tuple(people["first"]), tuple(people["last"]), people.get("surnames", 1))
            for people in raw["people"]
        ),
        companies=tuple(raw["companies"]),
        second_lines=tuple(raw["second_lines"]),
        suffixes=tuple(raw["suffixes"]),
        notes=tuple(raw["notes"]),
        deliveries=(standard, express, service_point),
        places=tuple(_read_place(country, place) for place in raw["places"]),
    )


def _read_place(country: Entry, raw: Entry) -> _Place:
    first, last = raw["numbers"]
    ranges = raw.get("phones") or country["phones"]
    offer = country.get("service_point")
    return _Place(
        street=raw["street"],
        postal_code=raw["postal_code"],
        city=raw["city"],
        state=raw.get("state"),
        # One side of the street: in some countries the other side has another postal code.
        house_numbers=tuple(str(number) for number in range(first, last + 1, 2)),
        phones=tuple(_PhoneRange(digits.rstrip("#"), digits.count("#")) for digits in ranges),
        service_points=tuple(_read_service_points(offer, raw)) if offer else (),
    )


def _read_service_points(offer: Entry, place: Entry) -> Iterator[Entry]:
    """Three around the place; a point keeps its id, so that several orders go to the same one."""
    latitude, longitude = place["near"]
    for number, kind in enumerate(offer["types"]):
        yield {
            offer["named_by"]: _name_service_point(offer["named_by"], place, number),
            "latitude": f"{latitude + (number - 1) * 0.004:.4f}",
            "longitude": f"{longitude + (1 - number) * 0.003:.4f}",
            "type": kind,
        }


def _name_service_point(named_by: str, place: Entry, number: int) -> str:
    if named_by == "id":
        south, east = (abs(round(degrees * 1000)) for degrees in place["near"])
        return f"{south % 10_000:04}{east % 1_000:03}{number + 1}"
    digits = place["postal_code"].replace("-", "")
    return f"{_to_ascii(place['city'])[:3].upper()}{digits[-3:]}{'ABC'[number]}"


def list_service_points() -> Iterator[Entry]:
    """The points that these orders name, each with its place; one may come twice."""
    for country in _load_world().countries:
        for place in (place for region in country.regions for place in region.places):
            where = {"country_code": country.code, "postal_code": place.postal_code, "city": place.city}
            yield from ({**point, **where, "street": place.street} for point in place.service_points)


def _read_product(number: int, raw: Entry, rates: Mapping[str, int]) -> tuple[_Article, ...]:
    kinds: Mapping[str, Sequence[str]] = raw.get("variants", {})
    variants = [dict(zip(kinds, values, strict=True)) for values in product(*kinds.values())]
    return tuple(_read_article(number, place, raw, variant, rates) for place, variant in enumerate(variants, 1))


def _read_article(number: int, place: int, raw: Entry, variant: Entry, rates: Mapping[str, int]) -> _Article:
    ean = f"952{number:05}{place:04}"
    fixed = {
        "product_id": str(1000 + number),
        "variant_id": f"{1000 + number}-{place:02}",
        "image_url": f"https://example.com/images/{raw['sku'].lower()}.jpg",
        "name": ", ".join([raw["name"], *filter(None, [" / ".join(variant.values())])]),
        "description": raw["description"],
        "sku": "-".join([raw["sku"], *(value.upper().replace(" ", "") for value in variant.values())]),
        "hs_code": raw["hs_code"],
        "country_of_origin": raw["origin"],
        "ean": ean + gtin.find_check_digit(ean),
    }
    return _Article(
        fixed=fixed,
        properties=variant,
        size_in_cm=raw.get("cm"),
        grams=raw["grams"],
        material=raw.get("material"),
        cents={currency: _convert(raw["cents"], percent) for currency, percent in rates.items()},
    )


def _convert(cents: int, percent: int) -> int:
    """Rounded up to the next 5 cents, as on a price tag."""
    return -(-cents * percent // 500) * 5
