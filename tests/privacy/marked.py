"""Orders whose every text is a word that stands nowhere else, and a look through all that is stored for such words."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
from sqlalchemy import inspect, text

from packhouse.kit.db import Database, connection_of
from tests import make

# No word of any language, and no part of a code in base 64 by chance.
MARK = "zqxvk"
EMAIL = "ada.zqxvkemail@example.com"
PHONE = "+31612349876"
NAME, POSTAL_CODE = "Zqxvkfirst Zqxvklast", "1015 CR"
ITEM = {
    "name": "Mug for zqxvkfirst",
    "description": "Printed: zqxvkdescription",
    "image_url": "https://example.com/zqxvkimage.png",
    "quantity": 2,
    "sku": "MUG-1",
    "hs_code": "691200",
    "country_of_origin": "NL",
    "properties": {"engraving": "zqxvkengraving", "zqxvkkey": "1"},
    "total_price": {"value": 25.5, "currency": "EUR"},
    "measurement": {"weight": {"value": 0.4, "unit": "kg"}},
    "dangerous_goods": {"emergency_contact_name": "Zqxvkemergency", "emergency_contact_phone": "06 55 55 99 88"},
}


def address(**changes: Any) -> dict[str, Any]:
    return {
        "name": NAME,
        "company_name": "Zqxvkcompany BV",
        "address_line_1": "Zqxvkstreet",
        "house_number": "12zqxvk",
        "address_line_2": "zqxvkstaircase",
        "postal_code": POSTAL_CODE,
        "city": "Zqxvkcity",
        "po_box": "zqxvkbox",
        "country_code": "NL",
        "email": EMAIL,
        "phone_number": "06-12349876",
        **changes,
    }


def order(order_id: str = "o-1", **changes: Any) -> dict[str, Any]:
    details = {
        "status": {"code": "unfulfilled", "message": "Waits for zqxvkfirst"},
        "order_items": [ITEM],
        "notes": "Ring at zqxvknote",
        "tags": ["zqxvktag"],
    }
    return make.order(
        order_id,
        **{
            "order_details": details,
            "customer_details": {"name": NAME, "email": EMAIL.upper(), "phone_number": "0031 6 1234 9876"},
            "shipping_address": address(),
            "billing_address": address(name="Zqxvkpayer", email="zqxvkpayer@example.com"),
            "customs_details": {
                "commercial_invoice_number": "INV-7",
                "tax_numbers": {"receiver": [{"name": "VAT", "country_code": "NL", "value": "zqxvktax"}]},
            },
            "service_point_details": {
                "id": "zqxvkpoint",
                "post_number": "zqxvkpost",
                "latitude": "52.zqxvk",
                "longitude": "4.zqxvk",
                "extra_data": {"zqxvkextra": "zqxvkvalue"},
            },
            "shipping_details": {"delivery_indicator": "to zqxvkfirst"},
            **changes,
        },
    )


def find_marks(url: str, *words: str) -> list[str]:
    """Table, column and what is there, of every value of every table that holds one of the words."""
    wanted = words or (MARK,)

    async def look() -> list[str]:
        db = Database(url)
        found = []
        async with db.read() as tx:
            names = await connection_of(tx).run_sync(lambda connection: inspect(connection).get_table_names())
            for name in names:
                for row in (await tx.execute(text(f'SELECT * FROM "{name}"'))).mappings():  # noqa: S608
                    found += [
                        f"{name}.{column}: {read[:200]}"
                        for column, value in row.items()
                        if (read := to_text(value)) and any(word in read.lower() for word in wanted)
                    ]
        await db.close()
        return found

    return asyncio.run(look())


def to_text(value: Any) -> str:
    """What people can read in it: a PDF has its texts compressed."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if not isinstance(value, bytes):
        return str(value)
    return f"{value.decode('latin-1')} {' '.join(read_pdf(value))}"


def read_pdf(content: bytes) -> Iterator[str]:
    if content.startswith(b"%PDF"):
        with pypdfium2.PdfDocument(content) as file:
            for page in file:
                yield page.get_textpage().get_text_range()


def find_marks_in_files(folder: Path, word: str = MARK) -> list[str]:
    """Files of a folder whose text holds the word."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if word in to_text(path.read_bytes()).lower() or word in path.name]
