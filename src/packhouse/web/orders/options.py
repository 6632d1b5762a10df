"""Which shipping options a person can choose and what they cost, and which one would be taken without being told."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from packhouse.carriers import TellsRates
from packhouse.context import Context
from packhouse.kit.messages import Message
from packhouse.shipping import carrier_rates, option_filters, packing, prices
from packhouse.shipping.prices import Cost
from packhouse.shipping.setup.options import Options, Route, find_options
from packhouse.shipping.setup.rules import Choice, choose
from packhouse.shipping.setup.setup_schema import Setup

Weights = Sequence[Decimal | None]


class Suggestion(NamedTuple):
    """The option that is taken unless another is chosen: who asks for it, and the rule that does."""

    code: str
    name: str
    source: str
    rule: str


class Choices(NamedTuple):
    """`options` are codes and names of those that go wherever the orders go; `suggestions` are counted by orders, and
    `suggested` is what they cost together. `costs` are by option, of those that have a price for one order at least;
    `cheapest` and `fastest` are to be marked. With `lacks_weight` there are rates, and an order that they cannot be
    applied to, as nobody knows what it weighs; with `asks` there
    is a carrier that would tell its prices if it were asked."""

    options: list[tuple[str, str]]
    suggestions: list[tuple[Suggestion, int]]
    costs: Mapping[str, Cost] = {}
    suggested: Cost = prices.NO_PRICE
    cheapest: frozenset[str] = frozenset()
    fastest: frozenset[str] = frozenset()
    lacks_weight: bool = False
    asks: bool = False

    @property
    def suggestion(self) -> Suggestion:
        """Return the suggestion for one order."""
        return self.suggestions[0][0]

    def is_suggested(self, code: str) -> bool:
        return any(suggestion.code == code for suggestion, _ in self.suggestions)

    def find_cost(self, code: str) -> Cost:
        """Return what one order costs with the option chosen, or with the suggestion where none is."""
        return self.costs.get(code, prices.NO_PRICE) if code else self.suggested


def find_choices(known: Options, setup: Setup, documents: Iterable[Mapping[str, Any]]) -> Choices:
    """Find the options of orders that are shipped with one option."""
    return gather(known, find_each(known, setup, documents))


def gather(known: Options, each: Sequence[Choices]) -> Choices:
    """Put the choices of several orders together."""
    suggested = Counter(suggestion for found in each for suggestion, _ in found.suggestions)
    common = set.intersection(*({code for code, _ in found.options} for found in each)) if each else set()
    names = ((option.code, option.name) for option in known.all())
    options = [(code, name) for code, name in names if code in common]
    sums = {code: prices.add_up(found.costs.get(code, prices.NO_PRICE) for found in each) for code in common}
    costs = {code: cost for code, cost in sums.items() if cost.totals}
    total = prices.add_up(found.suggested for found in each)
    lacks_weight = any(found.lacks_weight for found in each)
    asks = any(found.asks for found in each)
    return _mark(Choices(options, suggested.most_common(), costs, total, lacks_weight=lacks_weight, asks=asks))


def find_each(
    known: Options, setup: Setup, documents: Iterable[Mapping[str, Any]], typed: Sequence[Weights | None] = ()
) -> list[Choices]:
    """Find the options of each order by itself. `typed` are the weights of its parcels where somebody said them."""
    names = {option.code: option.name for option in known.all()}
    usable: dict[str, list[tuple[str, str]]] = {}
    found = []
    for index, order in enumerate(documents):
        country = (order.get("shipping_address") or {}).get("country_code") or ""
        if country not in usable:
            going = {option.code for option, _ in find_options(known, setup, country)}
            usable[country] = [(code, name) for code, name in names.items() if code in going]
        weights = typed[index] if index < len(typed) else None
        if weights is None:
            weights = [packing.find_weight(order)]
        choice = _choose(known, setup, order, weights)
        costs = prices.find_costs(known, setup, order, choice, weights)
        offered = {code: costs[code] for code, _ in usable[country] if code in costs}
        suggestion = _to_suggestion(names, setup, choice)
        suggested = costs.get(suggestion.code, prices.NO_PRICE)
        lacks_weight = bool(setup.rates) and None in weights
        told = (code for code, _ in usable[country] if code not in offered)
        asks = None not in weights and any(isinstance(known.carrier_of(code), TellsRates) for code in told)
        choices = Choices(usable[country], [(suggestion, 1)], offered, suggested)
        found.append(_mark(choices._replace(lacks_weight=lacks_weight, asks=asks)))
    return found


async def ask_carriers(
    ctx: Context, setup: Setup, order: Mapping[str, Any], choices: Choices, weights: Weights
) -> tuple[Choices, list[Message]]:
    """Add the prices of carriers that tell them, and say why others are missing."""
    choice = _choose(ctx.options, setup, order, weights)
    route = prices.find_route(setup, order, choice)
    if route is None:
        return choices, []
    wanted = prices.to_wanted(route, weights)
    offers = option_filters.find_offers(ctx.options, setup, setup.rates, wanted)
    usable = {id for carrier in setup.carriers() if (id := setup.default_contract(carrier)) is not None}
    asked = await carrier_rates.ask(ctx, setup, wanted, [offer for offer in offers if offer.contract_id in usable])
    costs = {code: cost for code, cost in prices.to_costs(setup, asked.offers).items() if code in dict(choices.options)}
    costs = {**costs, **choices.costs}
    suggested = costs.get(choices.suggestion.code, choices.suggested)
    return _mark(choices._replace(costs=costs, suggested=suggested, asks=False)), asked.missing


def find_cost(known: Options, setup: Setup, order: Mapping[str, Any], option: str | None, weights: Weights) -> Cost:
    """Find what one order costs with an option, or with the one that would be taken."""
    choice = _choose(known, setup, order, weights)
    code = option or choice.option_code
    return prices.find_costs(known, setup, order, choice, weights, option_code=code).get(code, prices.NO_PRICE)


def _mark(choices: Choices) -> Choices:
    costs = choices.costs
    return choices._replace(cheapest=prices.find_cheapest(costs), fastest=prices.find_fastest(costs))


def _choose(known: Options, setup: Setup, order: Mapping[str, Any], weights: Weights) -> Choice:
    """Choose as the label call does, the cheapest of several that a rule names included."""
    choice = choose(setup, {}, order, order["order_details"]["integration"]["id"], apply_rules=True)
    route = prices.find_route(setup, order, choice) if choice.candidates else None
    return choice if route is None else known.find_cheapest(setup, choice, Route(*route), weights)


def _to_suggestion(names: Mapping[str, str], setup: Setup, choice: Choice) -> Suggestion:
    rule = setup.rule.get(choice.rule_id or 0) if choice.source == "rule" else None
    name = names.get(choice.option_code, choice.option_code)
    return Suggestion(choice.option_code, name, choice.source, (rule or {}).get("name", ""))
