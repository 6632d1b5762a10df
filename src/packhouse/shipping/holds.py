"""Reasons why an order should perhaps not be shipped now: cancelled, refunded, on hold, unpaid, picked up, without an
address.

The account's settings say what a status code means; these are the defaults. Codes are compared without case, spaces,
hyphens, underscores and WooCommerce's prefix `wc-`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from packhouse.kit.data import units
from packhouse.kit.messages import Message, message
from packhouse.kit.wire.loose import is_placeholder
from packhouse.orders import contents

CODES = (
    "order_cancelled",
    "order_refunded",
    "order_on_hold",
    "order_unpaid",
    "order_pick_up",
    "address_unusable",
    "nothing_to_ship",
)
Code = Literal[
    "order_cancelled",
    "order_refunded",
    "order_on_hold",
    "order_unpaid",
    "order_pick_up",
    "address_unusable",
    "nothing_to_ship",
]

DEFAULTS: dict[str, tuple[str, ...]] = {
    "cancelled": (
        "cancelled", "canceled", "cancel", "voided", "void", "abandoned", "trash", "deleted",
        "cancelled_by_customer", "cancelled_by_buyer", "cancelled_by_seller", "cancelled_by_merchant",
        "geannuleerd", "afgebroken", "vervallen",
        "storniert", "stornierung", "annulliert", "abgebrochen",
        "annulé", "annulée", "annule", "abandonné", "abandonnée",
        "cancelado", "cancelada", "anulado", "anulada",
        "annullato", "annullata", "anulowane", "anulowano", "zrušeno",
    ),
    "refunded": (
        "refunded", "fully_refunded", "reimbursed", "charged_back", "chargeback", "reversed",
        "terugbetaald", "gerestitueerd", "gecrediteerd",
        "erstattet", "rückerstattet", "zurückerstattet", "zurückgezahlt",
        "remboursé", "remboursée", "rembourse",
        "reembolsado", "reembolsada", "devuelto", "rimborsato", "zwrócono",
    ),
    "on_hold": (
        "on_hold", "hold", "holded", "held", "paused", "suspended", "fraud", "suspected_fraud", "payment_review",
        "under_review", "disputed", "in_dispute", "cancellation_requested", "pending_cancellation",
        "in_de_wacht", "in_wacht", "vastgehouden", "gepauzeerd", "geblokkeerd",
        "angehalten", "in_wartestellung", "wartend", "zurückgestellt", "gesperrt", "pausiert",
        "en_attente", "suspendu", "suspendue", "bloqué", "bloquée", "en_pause",
        "en_espera", "retenido", "retenida", "suspendido", "suspendida", "bloqueado", "en_pausa",
    ),
    "unpaid": (
        "unpaid", "not_paid", "pending", "pending_payment", "payment_pending", "awaiting_payment", "payment_failed",
        "failed", "declined", "expired", "overdue", "payment_error", "awaiting_check_payment",
        "awaiting_cheque_payment", "awaiting_bank_wire_payment", "awaiting_bank_transfer", "waiting_for_payment",
        "onbetaald", "niet_betaald", "openstaand", "wacht_op_betaling", "in_afwachting_van_betaling", "mislukt",
        "unbezahlt", "nicht_bezahlt", "offen", "ausstehend", "zahlung_ausstehend", "wartet_auf_zahlung",
        "fehlgeschlagen",
        "impayé", "impayée", "non_payé", "non_payée", "paiement_en_attente", "en_attente_de_paiement", "échoué",
        "en_attente_de_virement_bancaire", "en_attente_du_paiement_par_chèque", "erreur_de_paiement",
        "impagado", "no_pagado", "sin_pagar", "pendiente", "pendiente_de_pago", "pago_pendiente", "fallido",
    ),
    "pick_up": (
        "pick_up", "pickup", "local_pickup", "store_pickup", "in_store_pickup", "ready_for_pickup", "click_and_collect",
        "collect_in_store", "ready_for_collection", "ready_to_pick_up", "ready_to_collect",
        "afhalen", "ophalen", "afhalen_in_winkel", "klaar_om_af_te_halen",
        "abholung", "selbstabholung", "selbstabholer", "abholbereit", "abholung_im_geschäft",
        "zur_abholung_bereit", "bereit_zur_abholung",
        "retrait", "retrait_en_magasin", "à_retirer", "prêt_pour_retrait",
        "recogida", "recogida_en_tienda", "recoger_en_tienda", "listo_para_recoger",
    ),
    "paid": (
        "paid", "captured", "settled", "partially_refunded", "betaald", "bezahlt", "payé", "payée", "pagado", "pagada",
    ),
}  # fmt: skip
"""What a code of an order's or a payment's status means. A payment that is `paid` makes an order paid, whatever the
order's own status says of it."""


_DUE = ("open", "reminded", "unconfirmed", "partially_paid", "paid_partially", "partially_authorized", "in_progress")
"""What of a payment says that some of it is due, and of an order nothing: Shopware's states of a transaction, Mollie's
and Shopify's. An account that counts one of these as `paid` is not warned."""


class Hold(NamedTuple):
    """`detail` is for people and quotes no personal data."""

    code: Code
    detail: Message


def find_holds(order: Mapping[str, Any], status_codes: Mapping[str, Sequence[str]]) -> Iterator[Hold]:
    """`order` is plain; `status_codes` as in `DEFAULTS`."""
    statuses = _read_statuses(order, status_codes)
    if (code := statuses.find("cancelled")) is not None:
        yield Hold("order_cancelled", message("The order is cancelled: its status is {code}.", code=code))
    if (code := statuses.find("refunded")) is not None:
        yield Hold("order_refunded", message("The order was refunded: its status is {code}.", code=code))
    if (code := statuses.find("on_hold")) is not None:
        yield Hold("order_on_hold", message("The order is on hold: its status is {code}.", code=code))
    if _is_due(order) and (code := statuses.find_unpaid()) is not None:
        yield Hold("order_unpaid", message("The order is not paid: its status is {code}.", code=code))
    if _is_picked_up(order, statuses):
        yield Hold("order_pick_up", message("The customer picks the order up."))
    if detail := find_unusable(order.get("shipping_address")):
        yield Hold("address_unusable", detail)
    if order["order_details"]["order_items"] and not contents.find_goods(order):
        yield Hold("nothing_to_ship", message("The order has nothing to ship."))


def is_cancelled(order: Mapping[str, Any], status_codes: Mapping[str, Sequence[str]]) -> bool:
    """Return whether the order is cancelled or refunded, so that a label for it is no longer needed."""
    statuses = _read_statuses(order, status_codes)
    return any(statuses.find(kind) is not None for kind in ("cancelled", "refunded"))


def fold(code: str) -> str:
    squeezed = "".join(filter(str.isalnum, code.casefold()))
    return squeezed.removeprefix("wc") if code.casefold().startswith("wc-") else squeezed


class _Statuses(NamedTuple):
    """The codes of an order and of its payment, and the meanings of codes."""

    own: str
    payment: str
    meanings: Mapping[str, Sequence[str]]

    def find(self, kind: str) -> str | None:
        """Return the code with this meaning."""
        return next((code for code in (self.own, self.payment) if self._is(code, kind)), None)

    def find_unpaid(self) -> str | None:
        if self._is(self.payment, "paid"):
            return None
        return self.payment if fold(self.payment) in _fold_all(_DUE) else self.find("unpaid")

    def _is(self, code: str, kind: str) -> bool:
        folded = fold(code)
        return bool(folded) and folded in _fold_all(tuple(self.meanings[kind]))


@lru_cache(64)
def _fold_all(codes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold, codes))


def _read_statuses(order: Mapping[str, Any], status_codes: Mapping[str, Sequence[str]]) -> _Statuses:
    own, payment = order["order_details"].get("status") or {}, order["payment_details"].get("status") or {}
    return _Statuses(own.get("code") or "", payment.get("code") or "", status_codes)


def _is_due(order: Mapping[str, Any]) -> bool:
    """Return whether payment is due before delivery: not for cash on delivery, nor for free orders."""
    details = order["payment_details"]
    total = (details.get("total_price") or {}).get("value")
    return not details.get("is_cash_on_delivery") and (total is None or units.to_decimal(total) > 0)


def _is_picked_up(order: Mapping[str, Any], statuses: _Statuses) -> bool:
    shipping = order.get("shipping_details") or {}
    if shipping.get("is_local_pickup"):
        return True
    told = statuses._replace(payment=shipping.get("delivery_indicator") or "")
    return told.find("pick_up") is not None


def find_unusable(address: Mapping[str, Any] | None) -> Message | None:
    """Return why nobody could deliver to the address."""
    if not address:
        return message("The order has no shipping address.")
    if all(is_placeholder(address.get(name) or "") for name in ("address_line_1", "po_box")):
        return message("The shipping address has neither a street nor a post office box.")
    if is_placeholder(address.get("city") or ""):
        return message("The shipping address has no city.")
    if is_placeholder(address.get("name") or "") and not address.get("company_name"):
        return message("The shipping address has no name.")
    return None
