"""What people call the parts of an order whose names on the wire are not for reading aloud."""

from packhouse.web.frame.languages import marked

# Anything else is called as on the wire, with spaces.
FIELDS = {
    "address_line_1": marked("street"),
    "address_line_2": marked("second line"),
    "billing_address": marked("billing address"),
    "city": marked("city"),
    "code": marked("code"),
    "commercial_invoice_number": marked("invoice number"),
    "company_name": marked("company"),
    "country_code": marked("country"),
    "country_of_origin": marked("country of origin"),
    "currency": marked("currency"),
    "customer_details": marked("customer"),
    "customs_details": marked("customs"),
    "delivery_indicator": marked("delivery"),
    "description": marked("description"),
    "dimension": marked("size"),
    "email": marked("e-mail"),
    "export_type": marked("type of export"),
    "height": marked("height"),
    "house_number": marked("house number"),
    "hs_code": marked("HS code"),
    "importer_of_record": marked("importer"),
    "length": marked("length"),
    "measurement": marked("measurements"),
    "message": marked("text"),
    "name": marked("name"),
    "notes": marked("notes"),
    "order_created_at": marked("placed at"),
    "order_details": marked("order"),
    "order_items": marked("items"),
    "order_id": marked("order id"),
    "order_number": marked("order number"),
    "order_updated_at": marked("changed at"),
    "payment_details": marked("payment"),
    "phone_number": marked("telephone"),
    "postal_code": marked("postal code"),
    "quantity": marked("quantity"),
    "receiver": marked("recipient"),
    "sender": marked("sender"),
    "service_point_details": marked("service point"),
    "ship_with": marked("shipping option"),
    "shipment_type": marked("contents"),
    "shipping_address": marked("shipping address"),
    "shipping_details": marked("shipping"),
    "state_province_code": marked("state or province"),
    "status": marked("status"),
    "tags": marked("tags"),
    "tax_numbers": marked("tax numbers"),
    "total_price": marked("total"),
    "unit": marked("unit"),
    "unit_price": marked("price each"),
    "value": marked("value"),
    "weight": marked("weight"),
    "width": marked("width"),
}
VALUES = {
    "commercial_b2b": marked("commercial, to a business"),
    "commercial_b2c": marked("commercial, to a consumer"),
    "commercial_goods": marked("commercial goods"),
    "commercial_sample": marked("commercial sample"),
    "gift": marked("gift"),
    "private": marked("private"),
    "returned_goods": marked("returned goods"),
}


def to_name(field: str) -> str:
    return FIELDS.get(field, field.replace("_", " "))


def to_value(value: str) -> str:
    return VALUES.get(value, value)
