"""What prints, each loaded with its libraries when it is first needed, and run beside the event loop.

A server that makes no label never loads a font; this table, like that of the carriers, is the one place where modules
are named by text.
"""

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import Any

_ONE = threading.Lock()
"""PDFium may be used by one thread at a time, and the fonts keep what a document in the making has used of them."""

PRINTERS = {
    "labels": "packhouse.printing.labels:make_labels",
    "declaration": "packhouse.printing.customs_forms:make_declaration",
    "fits-cn22": "packhouse.printing.customs_forms:fits_cn22",
    "invoice": "packhouse.printing.invoices:make_invoice",
    "convert": "packhouse.printing.sheets:convert",
    "merge": "packhouse.printing.sheets:merge",
    "split": "packhouse.printing.sheets:split",
    "sheets": "packhouse.printing.sheets:to_sheets",
    "fit": "packhouse.printing.paper:fit",
    "test-page": "packhouse.printing.test_pages:make_test_page",
    "command-card": "packhouse.packing_station.command_card:make_card",
    "batch-pick-list": "packhouse.packing_station.batches.pick_list:make_pick_list",
    "packing-slips": "packhouse.shipping.slips.drawing:packing_slips",
    "pick-list": "packhouse.shipping.slips.drawing:pick_list",
    "logo": "packhouse.shipping.slips.logo:read_logo",
}


def load(name: str) -> Callable[..., Any]:
    module, _, attribute = PRINTERS[name].partition(":")
    printer: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return printer


async def run(name: str, *arguments: Any, **options: Any) -> Any:
    """The printer's answer; it takes tens of milliseconds, so it runs in a thread, one at a time."""
    return await asyncio.to_thread(_load_and_run, name, arguments, options)


def _load_and_run(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    with _ONE:
        return load(name)(*arguments, **options)
