"""The shipping options of the installed carriers, and which of them an account can use for a shipment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from packhouse.carriers import Carrier, Option
from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.data.places import Place
from packhouse.kit.messages import Message, message
from packhouse.shipping.rates import pricing
from packhouse.shipping.setup.rules import Choice
from packhouse.shipping.setup.setup_schema import Setup, of_carrier


class Chosen(NamedTuple):
    """The option and contract of a shipment, after all checks."""

    carrier_code: str
    carrier_name: str
    contract_id: int


class Route(NamedTuple):
    """From one place to another: a country alone does not say it (`kit.places.territories`)."""

    origin: Place
    destination: Place
    is_return: bool = False


class Options:
    """The options of all carriers. They are made once, because carriers' offers do not change while the server runs."""

    def __init__(self, carriers: Mapping[str, Carrier]) -> None:
        self.carriers = carriers
        self._known = {option.code: option for carrier in carriers.values() for option in carrier.options()}

    def find(self, code: str) -> Option | None:
        return self._known.get(code)

    def all(self) -> Iterable[Option]:
        return self._known.values()

    def carrier_of(self, option_code: str) -> Carrier | None:
        """Return the carrier of a known option, or else the one that the first part of the code names."""
        option = self._known.get(option_code)
        return self.carriers.get(option.carrier_code if option else option_code.partition(":")[0])

    def require(self, setup: Setup, choice: Choice, way: Route, weights: Sequence[Decimal | None]) -> Chosen:
        """Raises Invalid for an option that is unknown, has no contract, or does not take such parcels that way."""
        option = self._known.get(choice.option_code)
        if option is None:
            raise _refusal(message("There is no shipping option {option_code}.", option_code=choice.option_code))
        if option.is_return != way.is_return:
            raise _refusal(_to_wrong_way(option))
        if not places.goes(option.countries, way.origin, way.destination):
            raise _refusal(
                message(
                    "The shipping option {code} does not go to {place}.",
                    code=option.code,
                    place=_to_name(way.destination),
                )
            )
        if not places.starts(option.origins, way.origin):
            raise _refusal(
                message(
                    "The shipping option {code} does not start in {place}.",
                    code=option.code,
                    place=_to_name(way.origin),
                )
            )
        for weight in weights:
            if weight is not None and not carries(option, weight):
                told = message(
                    "The shipping option {code} takes at most {most} kg, the parcel has {weight} kg.",
                    code=option.code,
                    most=option.max_weight_kg,
                    weight=units.to_text(weight),
                )
                raise _refusal(told)
        contract_id = _require_contract(setup, choice, option)
        return Chosen(option.carrier_code, self.carriers[option.carrier_code].name, contract_id)

    def find_cheapest(self, setup: Setup, choice: Choice, way: Route, weights: Sequence[Decimal | None]) -> Choice:
        """Return the candidate that fits and is cheapest by the account's rate tables; without prices the first that
        fits; if none fits, the first of all, whose refusal gives the reason."""
        if not choice.candidates:
            return choice
        fitting: list[tuple[bool, Decimal, int, Choice]] = []
        for place, code in enumerate(choice.candidates):
            one = replace(choice, option_code=code, candidates=())
            try:
                chosen = self.require(setup, one, way, weights)
            except errors.Invalid:
                continue
            known = [weight if weight is not None else units.ZERO for weight in weights]
            asked = pricing.Asked(code, chosen.contract_id, way.origin, way.destination, known)
            quote = pricing.find_quote(setup.rates, asked)
            fitting.append((quote is None, quote.total if quote else units.ZERO, place, one))
        return min(fitting)[-1] if fitting else replace(choice, candidates=())


def _to_wrong_way(option: Option) -> Message:
    if option.is_return:
        return message("The shipping option {code} is for returns alone.", code=option.code)
    return message("The shipping option {code} makes no return labels.", code=option.code)


def _require_contract(setup: Setup, choice: Choice, option: Option) -> int:
    if choice.contract_id is None:
        found = setup.default_contract(option.carrier_code)
        if found is None:
            raise _refusal(
                message(
                    "The account has no contract with the carrier {carrier_code}.", carrier_code=option.carrier_code
                ),
                "Invalid contract",
            )
        return found
    contract = setup.contract.get(choice.contract_id)
    if contract is None:
        raise _refusal(
            message("There is no contract with id {contract_id}.", contract_id=choice.contract_id), "Invalid contract"
        )
    if not of_carrier(contract, option.carrier_code):
        told = message(
            "Contract {contract_id} is with {carrier}, not with {wanted}.",
            contract_id=choice.contract_id,
            carrier=contract["carrier_code"],
            wanted=option.carrier_code,
        )
        raise _refusal(told, "Invalid contract")
    return choice.contract_id


def _to_name(place: Place) -> str:
    """Return the country's code, or the name of a territory with the same code."""
    territory = places.find_territory(place)
    return place.country_code if territory.code == place.country_code else territory.name


def carries(option: Option, weight: Decimal) -> bool:
    return option.max_weight_kg is None or weight <= option.max_weight_kg


def _refusal(detail: Message, title: str = "Invalid shipping option") -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("validation_error", detail, title=title))


def find_options(
    options: Options,
    setup: Setup,
    destination: str | None = None,
    *,
    origin: str | None = None,
    contract_id: int | None = None,
    is_return: bool = False,
) -> Iterable[tuple[Option, int]]:
    """Return the options that the account has a contract for and that go between these countries, each with the id of
    the given contract or of its carrier's default; with `is_return`, only those for returns."""
    start, end = (Place(country, "") if country else None for country in (origin, destination))
    for option in options.all():
        id = contract_id or setup.default_contract(option.carrier_code) or 0
        contract = setup.contract.get(id)
        if contract is None or not of_carrier(contract, option.carrier_code):
            continue
        if option.is_return == is_return and goes(option, start, end):
            yield option, id


def goes(option: Option, origin: Place | None, destination: Place | None) -> bool:
    """Return whether an option goes from one place to another, as far as these are known."""
    return (destination is None or places.goes(option.countries, origin, destination)) and (
        origin is None or places.starts(option.origins, origin)
    )
