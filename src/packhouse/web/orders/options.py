"""Which shipping options a person can choose, and which one would be taken without being told."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from packhouse.shipping.setup.options import Options, find_options
from packhouse.shipping.setup.rules import choose
from packhouse.shipping.setup.setup_schema import Setup


class Suggestion(NamedTuple):
    """The option that is taken unless another is chosen: who asks for it, and the rule that does."""

    code: str
    name: str
    source: str
    rule: str


class Choices(NamedTuple):
    """`options` are codes and names of those that go wherever the orders go; `suggestions` are counted by orders."""

    options: list[tuple[str, str]]
    suggestions: list[tuple[Suggestion, int]]

    @property
    def suggestion(self) -> Suggestion:
        """Return the suggestion for one order."""
        return self.suggestions[0][0]

    def is_suggested(self, code: str) -> bool:
        return any(suggestion.code == code for suggestion, _ in self.suggestions)


def find_choices(known: Options, setup: Setup, documents: Iterable[Mapping[str, Any]]) -> Choices:
    """Find the options of orders that are shipped with one option."""
    each = find_each(known, setup, documents)
    suggested = Counter(suggestion for found in each for suggestion, _ in found.suggestions)
    common = set.intersection(*({code for code, _ in found.options} for found in each)) if each else set()
    names = ((option.code, option.name) for option in known.all())
    return Choices([(code, name) for code, name in names if code in common], suggested.most_common())


def find_each(known: Options, setup: Setup, documents: Iterable[Mapping[str, Any]]) -> list[Choices]:
    """Find the options of each order by itself."""
    names = {option.code: option.name for option in known.all()}
    usable: dict[str, list[tuple[str, str]]] = {}
    found = []
    for order in documents:
        country = (order.get("shipping_address") or {}).get("country_code") or ""
        if country not in usable:
            going = {option.code for option, _ in find_options(known, setup, country)}
            usable[country] = [(code, name) for code, name in names.items() if code in going]
        found.append(Choices(usable[country], [(_find_suggestion(names, setup, order), 1)]))
    return found


def _find_suggestion(names: Mapping[str, str], setup: Setup, order: Mapping[str, Any]) -> Suggestion:
    integration = order["order_details"]["integration"]["id"]
    choice = choose(setup, {}, order, integration, apply_rules=True)
    rule = setup.rule.get(choice.rule_id or 0) if choice.source == "rule" else None
    name = names.get(choice.option_code, choice.option_code)
    return Suggestion(choice.option_code, name, choice.source, (rule or {}).get("name", ""))
