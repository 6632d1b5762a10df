"""What of an order is to be shipped: the one answer for labels, weights, papers, pick lists, warnings and the page.

An item is goods unless, in this order:

1. its quantity is 0: taken back, refunded;
2. its property `packhouse_ships`, or the order's tag `packhouse:ships-all`, says whether it is;
3. its price is below zero: a discount, a credit;
4. its properties say so, as shop systems write them (`is_virtual`, `requires_shipping`, `product_type`);
5. nobody knows a weight, HS code, EAN or origin of it, and its SKU or its whole name is of something that has none
   (`Gift card (e-mail)`, `Discount SUMMER10`, `-1`); people are told of these, because it is a guess;
6. it is the parent of a bundle whose parts are in the order too, which then have its price and weight where they lack
   their own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from packhouse.kit.data import units
from packhouse.kit.messages import Message, message

SHIPS = "packhouse_ships"
"""A property of an item: true or false, whatever else speaks for or against it."""
SHIPS_ALL = "packhouse:ships-all"
"""A tag of an order: every item of it is goods."""


class Line(NamedTuple):
    """An item that is to be shipped, and its place among the order's items."""

    place: int
    item: dict[str, Any]


class LeftOut(NamedTuple):
    """An item that is not; `is_guess` where only its name or SKU says so."""

    place: int
    item: Mapping[str, Any]
    why: Message
    is_guess: bool = False


def list_goods(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [line.item for line in find_goods(order)]


def find_goods(order: Mapping[str, Any]) -> list[Line]:
    """In their order. Parts of a bundle have what they lack from their parent."""
    items: Sequence[dict[str, Any]] = (order.get("order_details") or {}).get("order_items") or []
    left_out = {found.place for found in find_left_out(order)}
    lines = [Line(place, item) for place, item in enumerate(items) if place not in left_out]
    return _with_shares(items, lines) if left_out else lines


def find_left_out(order: Mapping[str, Any]) -> Iterator[LeftOut]:
    details = order.get("order_details") or {}
    ships_all = any(tag.casefold() == SHIPS_ALL for tag in details.get("tags") or ())
    items: Sequence[Mapping[str, Any]] = details.get("order_items") or []
    parents = _find_parents(items) if any(item.get("properties") for item in items) else frozenset()
    for place, item in enumerate(items):
        if item.get("quantity") == 0:
            yield LeftOut(place, item, message("its quantity is 0"))
            continue
        told = _told(item, ships_all)
        if told is None and _is_below_zero(item):
            yield LeftOut(place, item, message("its price is below zero"))
        elif told is False or (told is None and _has_service_property(item)):
            yield LeftOut(place, item, message("its properties say so"))
        elif told is None and place in parents:
            yield LeftOut(place, item, message("its parts are items of their own"))
        elif told is None and _is_named_as_service(item):
            yield LeftOut(place, item, message("its name or SKU is of no goods"), is_guess=True)


def _told(item: Mapping[str, Any], ships_all: bool) -> bool | None:
    properties = item.get("properties")
    if properties and (said := properties.get(SHIPS)) is not None:
        return _is_true(said)
    return True if ships_all else None


def _is_below_zero(item: Mapping[str, Any]) -> bool:
    values = ((item.get(name) or {}).get("value") for name in ("total_price", "unit_price"))
    return any(value is not None and str(value).startswith("-") and units.to_decimal(value) < 0 for value in values)


def _is_true(value: object) -> bool:
    return str(value).casefold() in _TRUE


_TRUE = frozenset({"true", "1", "yes", "y", "on", "ja", "oui", "sí", "si"})
_FALSE = frozenset({"false", "0", "no", "n", "off", "nee", "nein", "non"})

# Names and values are compared without regard to case and without anything but letters and digits: `isVirtual`,
# `is_virtual`, `_virtual`. The names are those of WooCommerce, Shopify, Magento, Shopware, PrestaShop and others.
_SERVICE_IF_TRUE = frozenset({
    "isvirtual", "virtual", "isdownloadable", "downloadable", "isdownload", "isdigital", "digital", "isgiftcard",
    "giftcard", "isgiftcertificate", "isvoucher", "isservice", "isdiscount", "isfee", "isshipping", "istip",
    "isdonation", "isrefund", "issurcharge", "isnonphysical", "nonphysical",
})  # fmt: skip
_SERVICE_IF_FALSE = frozenset({
    "requiresshipping", "needsshipping", "shippingrequired", "isshippable", "shippable", "isphysical", "physical",
    "isshipped",
})  # fmt: skip
_TYPE_NAMES = frozenset({"type", "producttype", "itemtype", "linetype", "lineitemtype"})
_SERVICE_TYPES = frozenset({
    "virtual", "downloadable", "download", "digital", "giftcard", "giftcertificate", "voucher", "coupon", "discount",
    "promotion", "fee", "shipping", "shippingline", "service", "tip", "donation", "surcharge", "credit", "tax",
    "rounding", "evoucher", "ebook", "refund",
})  # fmt: skip


def _squeeze(text: object) -> str:
    return "".join(filter(str.isalnum, str(text).casefold()))


def _has_service_property(item: Mapping[str, Any]) -> bool:
    for name, value in (item.get("properties") or {}).items():
        plain = _squeeze(name)
        if plain in _SERVICE_IF_TRUE and _is_true(value):
            return True
        if plain in _SERVICE_IF_FALSE and str(value).casefold() in _FALSE:
            return True
        if plain in _TYPE_NAMES and _squeeze(value) in _SERVICE_TYPES:
            return True
    return False


# Words of what has no body, in five languages. A name is one of these and small words only, so `Gift card holder` and
# `Tea service` are goods.
_HEAD_WORDS = """
    discount discounts coupon coupons voucher vouchers evoucher giftcard giftcards egiftcard gift-card rebate
    cashback fee fees surcharge shipping postage delivery handling tip tips donation service warranty insurance
    download downloads ebook e-book giftwrap giftwrapping rounding refund credit promo promotion membership
    korting kortingscode cadeaubon cadeaukaart waardebon tegoedbon verzendkosten verzending bezorgkosten
    bezorging toeslag administratiekosten servicekosten betaalkosten transactiekosten fooi donatie garantie
    verzekering afronding statiegeld inpakservice rabatt gutschein geschenkgutschein wertgutschein geschenkkarte
    versandkosten versand lieferung gebühr gebuehr nachnahmegebühr servicegebühr bearbeitungsgebühr zuschlag
    aufschlag mindermengenzuschlag trinkgeld spende versicherung rundung pfand nachlass geschenkverpackung
    remise réduction reduction chèque-cadeau carte-cadeau livraison expédition frais supplément pourboire
    arrondi consigne assurance descuento cupón cupon gastos envío envio recargo propina donación donacion
    garantía garantia redondeo comisión tarjeta-regalo rembourskosten kargo
    buono sconto spedizione consegna contrassegno commissione mancia donazione assicurazione arrotondamento
    desconto portes frete cupão cupom taxa presentkort rabat frakt fragt gavekort lahjakortti toimituskulut alennus
    wysyłka dostawa przesyłka kupon zniżka napiwek doprava poštovné sleva zľava poukaz poukázka dobírka balné
    szállítás szállítási ajándékutalvány utalvány kedvezmény utánvét livrare reducere ramburs
    доставка скидка купон сертификат αποστολή έκπτωση μεταφορικά
"""
_HEADS = frozenset(_HEAD_WORDS.split())
_PHRASES = (
    ("gift", "card"), ("gift", "cards"), ("gift", "voucher"), ("gift", "certificate"), ("gift", "wrap"),
    ("gift", "wrapping"), ("store", "credit"), ("carte", "cadeau"), ("chèque", "cadeau"), ("bon", "cadeau"),
    ("bon", "achat"), ("emballage", "cadeau"), ("tarjeta", "regalo"), ("carta", "regalo"), ("buono", "regalo"),
    ("cartão", "presente"), ("vale", "presente"), ("karta", "podarunkowa"), ("bon", "podarunkowy"),
    ("dárkový", "poukaz"), ("darčeková", "poukážka"), ("voucher", "cadou"), ("подарочный", "сертификат"),
    ("подарочная", "карта"), ("shipping", "protection"), ("package", "protection"), ("parcel", "protection"),
    ("order", "protection"), ("carbon", "offset"), ("shipping", "insurance"), ("vale", "regalo"),
    ("digitale", "cadeaubon"),
)  # fmt: skip
_SMALL_WORDS = """
    e mail email by via for of the a an to your on off per and customer loyalty member order cart extra express
    standard priority payment processing free small cod code promo welcome digital virtual online electronic pdf
    eur usd gbp chf value amount gift card credit van voor met op en de het een bestelling klant waarde digitale
    elektronische und für der die das den auf mit pro bestellung kunden wert digitaler elektronischer le la les
    du des d l et pour sur sans port cadeau carte bon achat client commande électronique numérique el los las y
    por para con pedido cliente regalo tarjeta electrónica manipulación di della per da do ao com na za dla
    kerst christmas xmas birthday weihnachts upgrade route co2 trees tree bäume bomen arbres order package
    darmowa zdarma ingyenes gratis gratuite gratuita kostenlos kostenlose omaggio elettronico eletrônico
    podarunkowa podarunkowy dárkový költség díj costi spese kosten koszty náklady náhrada porto
"""
_SMALL = frozenset(_SMALL_WORDS.split())

_EAST_ASIAN = re.compile(
    r"(?=.*[^\s\d%\uff10-\uff19.,()・-])(?:送料|配送料|手数料|代引|クーポン|割引|ポイント|ギフト券|ギフトカード|商品券|運費|运费|邮费|優惠券|优惠券|優惠|优惠|折扣"
    r"|禮品卡|礼品卡|배송비|배송료|할인|쿠폰|상품권|기프트카드|[\s\d%\uff10-\uff19.,()・-])+"
)
"""Writings without spaces between words: the whole name is made of these."""
_NEGATIVE_SKU = re.compile(r"-\d+")
_PARENTHESES = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def _is_named_as_service(item: Mapping[str, Any]) -> bool:
    if any(item.get(name) for name in ("hs_code", "ean", "country_of_origin")):
        return False
    if (item.get("measurement") or {}).get("weight"):
        return False
    sku = (item.get("sku") or "").strip()
    return (
        bool(_NEGATIVE_SKU.fullmatch(sku))
        or _is_service(sku.replace("_", " ").replace("-", " "))
        or _is_service(item.get("name", ""))
    )


def _is_service(name: str) -> bool:
    """Codes, amounts and percentages (`SUMMER10`, `10%`) say nothing."""
    if _EAST_ASIAN.fullmatch(name):
        return True
    found = _WORD.findall(_PARENTHESES.sub(" ", name))
    written = [word for word in found if not any(map(str.isdigit, word))]
    words = [word.casefold() for word in written]
    # `GIFT-CARD` is one word as it is written, and two as it is meant.
    apart = [part for word in words for part in ([word] if word in _HEADS else word.split("-"))]
    # `Bon d'achat`, `tarjeta de regalo`
    joined = [word for word in apart if len(word) > 2 or word not in _SMALL]
    heads = {word for pair in pairwise(joined) if pair in _PHRASES for word in pair} | _HEADS.intersection(apart)
    if not heads:
        return False
    codes = {word.casefold() for word in written if word.isupper() and len(word) > 2} if not name.isupper() else set()
    return all(word in heads or word in _SMALL or word in codes for word in apart)


_PARENT_NAMES = frozenset({
    "parentitemid", "parentid", "parentlineitemid", "bundledby", "bundleparentid", "bundleitemid", "bundleid",
    "compositeparent", "parentsku", "bundleparent", "parent",
})  # fmt: skip
"""Names of properties, squeezed, by which a part names its parent: by `item_id`, `sku` or `product_id`."""


def _find_parents(items: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    return frozenset(parent for place in range(len(items)) if (parent := _find_parent(items, place)) is not None)


def _find_parent(items: Sequence[Mapping[str, Any]], place: int) -> int | None:
    """Only of a part that is there: one that was taken back leaves the bundle as it is."""
    item = items[place]
    if not item["quantity"]:
        return None
    for name, value in (item.get("properties") or {}).items():
        if _squeeze(name) not in _PARENT_NAMES or value in (None, "", 0):
            continue
        for other, candidate in enumerate(items):
            ids = (candidate.get(key) for key in ("item_id", "sku", "product_id"))
            if other != place and candidate["quantity"] and str(value) in filter(None, ids):
                return other
    return None


def _with_shares(items: Sequence[dict[str, Any]], lines: list[Line]) -> list[Line]:
    """What a bundle costs and weighs, by its parts: each piece the same, where none of the parts says it itself."""
    parts: dict[int, list[Line]] = {}
    for line in lines:
        if line.item.get("properties") and (parent := _find_parent(items, line.place)) is not None:
            parts.setdefault(parent, []).append(line)
    shared: dict[int, dict[str, Any]] = {}
    for parent, of_it in parts.items():
        pieces = sum(line.item["quantity"] for line in of_it)
        price, weight = items[parent]["total_price"], (items[parent].get("measurement") or {}).get("weight")
        is_unpriced = not any(units.to_decimal(line.item["total_price"].get("value") or 0) for line in of_it)
        is_unweighed = not any((line.item.get("measurement") or {}).get("weight") for line in of_it)
        left = units.to_decimal(price.get("value") or 0)
        for number, line in enumerate(of_it):
            changed = dict(line.item)
            if is_unpriced and price.get("value") is not None:
                whole = units.to_decimal(price["value"])
                share = left if number == len(of_it) - 1 else _to_share(whole, line.item["quantity"], pieces)
                left -= share
                changed["total_price"] = {**price, "value": f"{share:f}"}
                changed.pop("unit_price", None)
            if is_unweighed and weight:
                each = units.to_decimal(weight["value"]) * items[parent]["quantity"] / pieces
                measurement = {**(line.item.get("measurement") or {}), "weight": {**weight, "value": f"{each:f}"}}
                changed["measurement"] = measurement
            shared[line.place] = changed
    return [Line(line.place, shared.get(line.place, line.item)) for line in lines]


def _to_share(whole: Decimal, count: int, pieces: int) -> Decimal:
    exponent = min(0, int(whole.as_tuple().exponent))
    return (whole * count / pieces).quantize(Decimal(1).scaleb(exponent))
