"""Decides what ships an order: the call, or else the order, the account's rules, or the account's default (contract,
5)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from packhouse.kit.data import units
from packhouse.kit.messages import Message, message
from packhouse.orders import contents
from packhouse.shipping import holds, packing
from packhouse.shipping.setup.setup_schema import Setup

Source = Literal["call", "order", "rule", "default"]


class Facts(NamedTuple):
    """The facts about an order that conditions of rules use."""

    integration_id: int
    country_code: str | None
    weight: Decimal | None
    total: Decimal | None
    currency: str | None
    delivery_indicator: str | None
    tags: frozenset[str]
    skus: frozenset[str]
    not_to_ship: frozenset[str]


class Finding(NamedTuple):
    """One condition of a rule, whether the order meets it, and why."""

    condition: str
    is_met: bool
    detail: Message


class Trial(NamedTuple):
    """A rule applied to an order. Without conditions, it matches every order."""

    id: int
    rule: Mapping[str, Any]
    findings: list[Finding]

    def has_matched(self) -> bool:
        return all(finding.is_met for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Choice:
    """`rule_id` is the rule that matched, whatever decided the option; `is_held` if it holds orders back. The cheapest
    of several `candidates` is to be chosen (`options.find_cheapest`); `option_code` is the first of them."""

    option_code: str
    contract_id: int | None
    sender_address_id: int | None
    source: Source
    rule_id: int | None = None
    is_held: bool = False
    candidates: tuple[str, ...] = ()


def to_facts(setup: Setup, order: Mapping[str, Any], integration_id: int) -> Facts:
    """`order` is plain."""
    details, shipping = order["order_details"], order.get("shipping_details") or {}
    price = order["payment_details"].get("total_price") or {}
    value = price.get("value")
    return Facts(
        integration_id,
        (order.get("shipping_address") or {}).get("country_code"),
        packing.find_weight(order),
        None if value is None else units.to_decimal(value),
        price.get("currency"),
        shipping.get("delivery_indicator"),
        frozenset(tag.casefold() for tag in details.get("tags") or ()),
        frozenset(item["sku"].casefold() for item in contents.list_goods(order) if item.get("sku")),
        frozenset(hold.code for hold in holds.find_holds(order, setup.status_codes())),
    )


def choose(
    setup: Setup,
    call: Mapping[str, Any],
    order: Mapping[str, Any],
    integration_id: int,
    *,
    apply_rules: bool,
) -> Choice:
    """`call` is the properties of the call's `ship_with`. The contract comes from the same place as the option; a
    contract alone in the call goes with the option of the next place."""
    of_order = ((order.get("shipping_details") or {}).get("ship_with") or {}).get("properties") or {}
    matched = find_match(setup, to_facts(setup, order, integration_id)) if apply_rules else None
    actions = matched.rule["actions"] if matched else {}
    default = {"shipping_option_code": setup.default_option()}
    named: tuple[tuple[Source, Mapping[str, Any]], ...] = (
        ("call", call),
        ("order", of_order),
        ("rule", actions),
        ("default", default),
    )
    source, chosen = next((source, part) for source, part in named if list_codes(setup, part))
    codes = list_codes(setup, chosen)
    return Choice(
        codes[0],
        call.get("contract_id") or chosen.get("contract_id"),
        actions.get("sender_address_id"),
        source,
        matched.id if matched else None,
        bool(actions.get("hold")),
        codes if len(codes) > 1 else (),
    )


def list_codes(setup: Setup, part: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options in a call or in the actions of a rule: one, or several to choose the cheapest of."""
    code = part.get("shipping_option_code")
    named = [code] if code else part.get("cheapest_of") or ()
    return tuple(map(setup.resolve_option, named))


def find_match(setup: Setup, facts: Facts, *, for_returns: bool = False) -> Trial | None:
    """Return the first rule that matches, in the account's order."""
    trials = try_rules(setup, facts, for_returns=for_returns)
    return next((trial for trial in trials if trial.has_matched()), None)


def try_rules(setup: Setup, facts: Facts, *, for_returns: bool = False) -> Iterator[Trial]:
    for id, rule in setup.rules(for_returns=for_returns):
        conditions = (rule.get("conditions") or {}).items()
        yield Trial(id, rule, [_CONDITIONS[name](wanted, facts) for name, wanted in conditions])


def _find_country(wanted: list[str], facts: Facts) -> Finding:
    named = ", ".join(wanted)
    told = message("The order goes to {country}; the rule is for {wanted}.", country=facts.country_code, wanted=named)
    if not facts.country_code:
        told = message("The order goes to no country; the rule is for {wanted}.", wanted=named)
    return Finding("countries", facts.country_code in wanted, told)


def _find_integration(wanted: list[int], facts: Facts) -> Finding:
    told = message(
        "The order is of integration {integration_id}; the rule is for {wanted}.",
        integration_id=facts.integration_id,
        wanted=", ".join(map(str, wanted)),
    )
    return Finding("integrations", facts.integration_id in wanted, told)


def _find_indicator(wanted: list[str], facts: Facts) -> Finding:
    given = facts.delivery_indicator
    is_met = given is not None and given.casefold() in {text.casefold() for text in wanted}
    named = ", ".join(wanted)
    told = message("The order's delivery indicator is {given}; the rule is for {wanted}.", given=given, wanted=named)
    if not given:
        told = message("The order's delivery indicator is not set; the rule is for {wanted}.", wanted=named)
    return Finding("delivery_indicators", is_met, told)


def _find_shared(name: str, what: Message) -> Callable[[list[str], Facts], Finding]:
    def find(wanted: list[str], facts: Facts) -> Finding:
        known: frozenset[str] = getattr(facts, name)
        shared = [text for text in wanted if text.casefold() in known]
        told = (
            message("The order has {what} {shared}.", what=what, shared=", ".join(shared))
            if shared
            else message("The order has none of {wanted}.", wanted=", ".join(wanted))
        )
        return Finding(name, bool(shared), told)

    return find


def _find_weight(wanted: Mapping[str, Any], facts: Facts) -> Finding:
    if facts.weight is None:
        return Finding("weight", False, message("The weight of the order is not known."))
    bounds = [_bound(wanted, end, lambda v: units.convert(v, wanted["unit"], units.KILOGRAMS)) for end in _ENDS]
    told = message(
        "The order weighs {weight} kg; the rule is for {range}.",
        weight=units.to_text(facts.weight),
        range=_to_range(bounds, "kg"),
    )
    return Finding("weight", _is_within(facts.weight, bounds), told)


def _find_total(wanted: Mapping[str, Any], facts: Facts) -> Finding:
    if facts.total is None or facts.currency != wanted["currency"]:
        told = message("The order's total is not in {currency}.", currency=wanted["currency"])
        return Finding("total_price", False, told)
    bounds = [_bound(wanted, end, units.to_decimal) for end in _ENDS]
    told = message(
        "The order's total is {total} {currency}; the rule is for {range}.",
        total=facts.total,
        currency=facts.currency,
        range=_to_range(bounds, wanted["currency"]),
    )
    return Finding("total_price", _is_within(facts.total, bounds), told)


_ENDS = ("min", "max")


def _bound(wanted: Mapping[str, Any], end: str, convert: Callable[[Any], Decimal]) -> Decimal | None:
    return None if wanted.get(end) is None else convert(wanted[end])


def _is_within(value: Decimal, bounds: list[Decimal | None]) -> bool:
    low, high = bounds
    return (low is None or value >= low) and (high is None or value <= high)


def _to_range(bounds: list[Decimal | None], unit: str) -> Message:
    low, high = (None if bound is None else f"{bound:f}" for bound in bounds)
    if low is None and high is None:
        return message("any")
    if high is None:
        return message("from {low} {unit}", low=low, unit=unit)
    if low is None:
        return message("up to {high} {unit}", high=high, unit=unit)
    return message("from {low} {unit} up to {high} {unit}", low=low, high=high, unit=unit)


def _find_not_to_ship(wanted: list[str], facts: Facts) -> Finding:
    shared = sorted(facts.not_to_ship.intersection(wanted))
    told = (
        message("The order is {shared}.", shared=", ".join(shared))
        if shared
        else message("The order is none of {wanted}.", wanted=", ".join(wanted))
    )
    return Finding("not_to_ship", bool(shared), told)


_CONDITIONS: dict[str, Callable[[Any, Facts], Finding]] = {
    "countries": _find_country,
    "weight": _find_weight,
    "total_price": _find_total,
    "delivery_indicators": _find_indicator,
    "tags": _find_shared("tags", message("the tag")),
    "skus": _find_shared("skus", message("the SKU")),
    "integrations": _find_integration,
    "not_to_ship": _find_not_to_ship,
}
