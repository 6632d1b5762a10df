"""A dry run of the shipping rules, explained to people: which rule matches, and why the ones before it do not."""

from typing import Any

import orjson

from packhouse.orders import plain
from packhouse.orders.queries import ShippableOrder
from packhouse.shipping.setup import rules
from packhouse.shipping.setup.setup_schema import Setup


def to_trial(setup: Setup, row: ShippableOrder) -> dict[str, Any]:
    """Return what the rules would do with an order's `row`, and what would ship it after they are applied."""
    order = plain.to_plain(orjson.loads(row.document))
    trials = list(rules.try_rules(setup, rules.to_facts(setup, order, row.integration_id)))
    matched = next((trial for trial in trials if trial.has_matched()), None)
    choice = rules.choose(setup, {}, order, row.integration_id, apply_rules=True)
    return {
        "order_id": row.order_id,
        "order_number": row.order_number,
        "matched_rule_id": matched.id if matched else None,
        "decided_by": choice.source,
        "is_held": choice.is_held,
        "shipping_option_code": choice.option_code,
        **({"cheapest_of": list(choice.candidates)} if choice.candidates else {}),
        "contract_id": choice.contract_id,
        "sender_address_id": choice.sender_address_id,
        "rules": [_to_rule(trial, is_first=trial is matched) for trial in trials],
    }


def _to_rule(trial: rules.Trial, *, is_first: bool) -> dict[str, Any]:
    return {
        "id": trial.id,
        "name": trial.rule["name"],
        "has_matched": trial.has_matched(),
        "is_applied": is_first,
        "conditions": [
            {"condition": found.condition, "is_met": found.is_met, "detail": found.detail} for found in trial.findings
        ],
    }
