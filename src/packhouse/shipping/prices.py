"""What orders cost with each shipping option, as shown to people before they make a label. It uses the function behind
the list of shipping options, so that the page and the API always agree."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from packhouse.kit.data import places, units
from packhouse.kit.data.places import Place
from packhouse.shipping import option_filters
from packhouse.shipping.rates import pricing
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.rules import Choice
from packhouse.shipping.setup.setup_schema import Setup


class Cost(NamedTuple):
    """The cost of this many `orders`, by currency; `unknown` of them have no price. The lead time is the longest one,
    if all have one."""

    totals: Mapping[str, Decimal]
    orders: int
    unknown: int
    lead_time_hours: int | None

    @property
    def is_known(self) -> bool:
        return self.unknown == 0 and bool(self.totals)


NO_PRICE = Cost({}, 1, 1, None)


def from_quote(quote: pricing.Quote, lead_time_hours: int | None) -> Cost:
    return Cost({quote.currency: quote.total}, 1, 0, lead_time_hours)


def add_up(costs: Iterable[Cost]) -> Cost:
    totals: dict[str, Decimal] = {}
    orders = unknown = 0
    hours: list[int | None] = []
    for cost in costs:
        for currency, value in cost.totals.items():
            totals[currency] = units.add(totals.get(currency, units.ZERO), value)
        orders, unknown = orders + cost.orders, unknown + cost.unknown
        hours.append(cost.lead_time_hours)
    known = [each for each in hours if each is not None]
    return Cost(totals, orders, unknown, max(known) if known and len(known) == len(hours) else None)


def find_route(setup: Setup, order: Mapping[str, Any], choice: Choice) -> tuple[Place, Place] | None:
    """Return the route from the sender address to the order's address; None if one of them is unknown."""
    known, address = setup.sender_address, order.get("shipping_address") or {}
    wanted = choice.sender_address_id
    id = wanted if wanted in known else setup.default_sender()
    if id is None or not address.get("country_code"):
        return None
    return places.to_place(known[id]), places.to_place(address)


def find_costs(
    options: Options,
    setup: Setup,
    order: Mapping[str, Any],
    choice: Choice,
    weights: Sequence[Decimal | None],
    *,
    option_code: str | None = None,
) -> dict[str, Cost]:
    """Return costs by the code of each option, or of the given one, that has a price under the contract of its label.
    `setup` was read with its rates. A parcel without a weight has no price."""
    route = find_route(setup, order, choice)
    named = {} if choice.contract_id is None else {choice.option_code: choice.contract_id}
    return {} if route is None else find_costs_of_route(options, setup, route, weights, named, option_code=option_code)


def find_costs_of_route(
    options: Options,
    setup: Setup,
    route: tuple[Place, Place],
    weights: Sequence[Decimal | None],
    contracts: Mapping[str, int] = MappingProxyType({}),
    *,
    option_code: str | None = None,
) -> dict[str, Cost]:
    """Return what shipping from one place to another costs. `contracts` has, by option, those that are not the
    carrier's default."""
    if not setup.rates or not weights or None in weights:
        return {}
    wanted = to_wanted(route, weights, option_code)
    return to_costs(setup, option_filters.find_offers(options, setup, setup.rates, wanted), contracts)


def to_wanted(
    route: tuple[Place, Place], weights: Sequence[Decimal | None], option_code: str | None = None
) -> option_filters.Wanted:
    return option_filters.Wanted(
        origin=route[0],
        destination=route[1],
        weights=weights,
        sides=(),
        functionalities={},
        carrier_code=None,
        contract_id=None,
        product_code=None,
        option_code=option_code,
        to_point=False,
        lead_time={},
        shows_quotes=True,
    )


def to_costs(
    setup: Setup, offers: Iterable[option_filters.Offer], contracts: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Cost]:
    found = {}
    for offer in offers:
        contract_id = contracts.get(offer.option.code) or setup.default_contract(offer.option.carrier_code)
        if offer.quote is not None and offer.contract_id == contract_id:
            found[offer.option.code] = from_quote(offer.quote, offer.lead_time_hours)
    return found


def find_cheapest(costs: Mapping[str, Cost]) -> frozenset[str]:
    """Return the cheapest options, if at least two can be compared: in one currency, with a price for every order."""
    known = {code: cost.totals for code, cost in costs.items() if cost.is_known and len(cost.totals) == 1}
    if len({currency for totals in known.values() for currency in totals}) != 1:
        return frozenset()
    return _find_least({code: next(iter(totals.values())) for code, totals in known.items()})


def find_fastest(costs: Mapping[str, Cost]) -> frozenset[str]:
    """Return the fastest options, if at least two have a lead time."""
    hours = {code: cost.lead_time_hours for code, cost in costs.items() if cost.lead_time_hours is not None}
    return _find_least({code: Decimal(each) for code, each in hours.items()})


def _find_least(values: Mapping[str, Decimal]) -> frozenset[str]:
    """Return the options with the least value; none if all have the same."""
    if len(set(values.values())) < 2:
        return frozenset()
    least = min(values.values())
    return frozenset(code for code, value in values.items() if value == least)
