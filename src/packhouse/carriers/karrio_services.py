"""What the carriers of the karrio SDK offer: a table, so that nothing need be loaded to know it.

Countries and weights are what the carriers' public terms say; a contract may allow less, and then the carrier refuses.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

_EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
_US = frozenset({"US"})
_BE = frozenset({"BE"})
_FR = frozenset({"FR"})


class Service(NamedTuple):
    """`code` is the SDK's. `countries` is where it goes, `origins` where it starts; None is anywhere."""

    name: str
    code: str
    countries: frozenset[str] | None = None
    max_weight_kg: Decimal | None = None
    origins: frozenset[str] | None = None


class Line(NamedTuple):
    """A carrier. `package` is its name in the SDK, `distribution` what to install; `knows_reference` says whether it is
    told of a shipment by our reference or by its own number, `drops_zeros` whether the SDK takes its tariff
    numbers for integers. `kilograms` is what the SDK has to be told instead of one where it passes the number on to a
    carrier that counts in another unit. `find_numbers` finds the parcels' tracking numbers in its answer, where the SDK
    gives only the shipment's. `returns` are services for labels from customers, where the SDK asks for these in a way
    of its own. `tells_rates` where the SDK can ask what they cost, and `rated_as` are names that it has for services in
    the answer besides their codes. `collects_from` is where the SDK tells the carrier to collect cash on delivery: from
    nowhere, unless it does so with the amount; None is from anywhere. `amend` puts right what the SDK writes."""

    name: str
    package: str
    distribution: str
    services: dict[str, Service]
    label_type: str = "PDF"
    cancels: bool = True
    knows_reference: bool = False
    drops_zeros: bool = False
    kilograms: int = 1
    find_numbers: Callable[[Any], Sequence[str]] | None = None
    returns: Mapping[str, Service] = MappingProxyType({})
    tells_rates: bool = False
    rated_as: Mapping[str, str] = MappingProxyType({})
    collects_from: frozenset[str] | None = frozenset()
    amend: Callable[[Any], None] | None = None


def _find_in_pieces(answer: Any) -> Sequence[str]:
    [shipment] = answer["output"]["transactionShipments"]
    return [piece["trackingNumber"] for piece in shipment["pieceResponses"]]


def _ask_ups_for_cash(question: Any) -> None:
    """UPS collects cash with a shipment from the European Union under the code 1 (9 is for cheques alone).

    The SDK has 0, which only parcels within America know. UPS, Shipping API, ShipmentServiceOptions/COD and its table
    of countries.
    """
    options = question.ShipmentRequest.Shipment.ShipmentServiceOptions
    if options is not None and options.COD is not None:
        options.COD.CODFundsCode = 1


_UPS_KG, _BPOST_KG, _DHL_KG = Decimal(70), Decimal(30), Decimal(70)
_FEDEX_KG, _DPD_KG, _COLISSIMO_KG = Decimal(68), Decimal("31.5"), Decimal(30)

# The SDK names a rated service by the zone that it starts in, whichever it was asked for.
_UPS_RATED = {
    "standard": "ups_standard",
    "expedited": "ups_worldwide_expedited",
    "worldwide_expedited": "ups_worldwide_expedited",
    "express": "ups_worldwide_express",
    "worldwide_express": "ups_worldwide_express",
    "express_plus": "ups_worldwide_express_plus",
    "worldwide_express_plus": "ups_worldwide_express_plus",
    "express_saver": "ups_worldwide_saver",
    "worldwide_saver": "ups_worldwide_saver",
    "ground": "ups_ground",
    "2nd_day_air": "ups_2nd_day_air",
    "next_day_air": "ups_next_day_air",
}

LINES = {
    "ups": Line(
        "UPS",
        "ups",
        "karrio-ups",
        {
            "ups:standard": Service("UPS Standard", "ups_standard", None, _UPS_KG),
            "ups:expedited": Service("UPS Worldwide Expedited", "ups_worldwide_expedited", None, _UPS_KG),
            "ups:saver": Service("UPS Worldwide Saver", "ups_worldwide_saver", None, _UPS_KG),
            "ups:express": Service("UPS Worldwide Express", "ups_worldwide_express", None, _UPS_KG),
            "ups:express-plus": Service("UPS Worldwide Express Plus", "ups_worldwide_express_plus", None, _UPS_KG),
            "ups:ground": Service("UPS Ground", "ups_ground", _US, _UPS_KG, _US),
            "ups:2nd-day-air": Service("UPS 2nd Day Air", "ups_2nd_day_air", _US, _UPS_KG, _US),
            "ups:next-day-air": Service("UPS Next Day Air", "ups_next_day_air", _US, _UPS_KG, _US),
        },
        returns={
            "ups:return": Service("UPS Returns, Standard", "ups_standard", None, _UPS_KG),
            "ups:return-saver": Service("UPS Returns, Worldwide Saver", "ups_worldwide_saver", None, _UPS_KG),
            "ups:return-ground": Service("UPS Returns, Ground", "ups_ground", _US, _UPS_KG, _US),
        },
        tells_rates=True,
        rated_as={f"ups_{name}_{zone}": code for name, code in _UPS_RATED.items() for zone in ("eu", "mx", "pl", "pr")},
        collects_from=_EU,
        amend=_ask_ups_for_cash,
    ),
    "bpost": Line(
        "bpost",
        "bpost",
        "karrio-bpost",
        {
            "bpost:24h-pro": Service("bpack 24h Pro", "bpack_24h_pro", _BE, _BPOST_KG, _BE),
            "bpost:24h-business": Service("bpack 24h business", "bpack_24h_business", _BE, _BPOST_KG, _BE),
            "bpost:europe-business": Service(
                "bpack Europe Business", "bpack_europe_business", _EU - _BE, _BPOST_KG, _BE
            ),
            "bpost:world-business": Service("bpack World Business", "bpack_world_business", None, _BPOST_KG, _BE),
            "bpost:world-express-pro": Service(
                "bpack World Express Pro", "bpack_world_express_pro", None, _BPOST_KG, _BE
            ),
        },
        label_type="PDF_A6",
        knows_reference=True,
        drops_zeros=True,
    ),
    "fedex": Line(
        "FedEx",
        "fedex",
        "karrio-fedex",
        {
            "fedex:international-priority": Service(
                "FedEx International Priority", "fedex_international_priority", None, _FEDEX_KG
            ),
            "fedex:international-economy": Service(
                "FedEx International Economy", "fedex_international_economy", None, _FEDEX_KG
            ),
            "fedex:connect-plus": Service(
                "FedEx International Connect Plus", "fedex_international_connect_plus", None, Decimal(20)
            ),
            "fedex:regional-economy": Service("FedEx Regional Economy", "fedex_regional_economy", None, _FEDEX_KG),
            "fedex:ground": Service("FedEx Ground", "fedex_ground", _US, _FEDEX_KG, _US),
            "fedex:2-day": Service("FedEx 2Day", "fedex_2_day", _US, _FEDEX_KG, _US),
        },
        returns={
            "fedex:return-priority": Service(
                "FedEx Return, International Priority", "fedex_international_priority", None, _FEDEX_KG
            ),
            "fedex:return-economy": Service(
                "FedEx Return, International Economy", "fedex_international_economy", None, _FEDEX_KG
            ),
            "fedex:return-ground": Service("FedEx Return, Ground", "fedex_ground", _US, _FEDEX_KG, _US),
        },
        find_numbers=_find_in_pieces,
        tells_rates=True,
        collects_from=None,
    ),
    "dhl_express": Line(
        "DHL Express",
        "dhl_express",
        "karrio-dhl-express",
        {
            "dhl_express:worldwide": Service("DHL Express Worldwide", "dhl_express_worldwide", None, _DHL_KG),
            "dhl_express:worldwide-goods": Service(
                "DHL Express Worldwide, dutiable", "dhl_express_worldwide_nondoc", None, _DHL_KG
            ),
            "dhl_express:12-00": Service("DHL Express 12:00", "dhl_express_12_00", None, _DHL_KG),
            "dhl_express:economy-select": Service("DHL Economy Select", "dhl_economy_select", None, _DHL_KG),
            "dhl_express:domestic": Service("DHL Express Domestic", "dhl_express_domestic", None, _DHL_KG),
        },
        cancels=False,
        tells_rates=True,
        collects_from=None,
    ),
    "dpd": Line(
        "DPD",
        "dpd",
        "karrio-dpd",
        {
            "dpd:classic": Service("DPD Classic", "dpd_cl", None, _DPD_KG),
            "dpd:express-10h": Service("DPD Express 10:00", "dpd_express_10h", None, _DPD_KG),
            "dpd:express-12h": Service("DPD Express 12:00", "dpd_express_12h", None, _DPD_KG),
        },
        cancels=False,
        kilograms=100,  # weights of DPD are in units of 10 g
    ),
    "colissimo": Line(
        "Colissimo",
        "colissimo",
        "karrio-colissimo",
        {
            "colissimo:home": Service(
                "Colissimo, without signature", "colissimo_home_without_signature", _FR, _COLISSIMO_KG, _FR
            ),
            "colissimo:home/signature=true": Service(
                "Colissimo, signed for", "colissimo_home_with_signature", None, _COLISSIMO_KG, _FR
            ),
        },
        cancels=False,
    ),
}
"""By the code that option codes begin with."""
