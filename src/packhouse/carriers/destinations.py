"""Where the post goes."""

from packhouse.kit.data import places

_WITHOUT_POST = frozenset({"AQ", "BV", "HM", "UM"})
"""Codes of ISO 3166-1 for places where nobody lives who could get anything by post."""

BY_POST = frozenset(places.COUNTRIES) - _WITHOUT_POST
"""The one territory of the Universal Postal Union: what is posted in one country is delivered in all of them."""
