"""The shape of a bench, and the words that its scanner may say."""

import re
from typing import Literal, NamedTuple

import orjson

from packhouse.kit import errors
from packhouse.kit.messages import Message, message

Verify = Literal["each", "once", "none"]
VERIFY = ("each", "once", "none")
WAYS = ("browser", "agent", "raw", "ipp")
LABEL, DOCUMENTS = "label", "documents"
PRINTERS = (LABEL, DOCUMENTS)
"""The two printers of a bench."""
LABEL_PAPERS = ("A6", "4x6", "100x150", "62", "A4", "Letter")
DOCUMENT_PAPERS = ("A4", "Letter")
TEST_PAGE = "test-page"
"""A kind of print job, of no order."""
PRINTS = ("label", "customs-declaration", "commercial-invoice", "packing-slip")
"""What a bench can print by itself."""
ON_LABELS = ("label",)
FORMATS = ("pdf", "zpl", "epl", "png")
DPIS = (203, 300)
MAX_NAME = 60
MAX_SCAN = 200
PORTS = {"raw": 9100, "ipp": 631}


class Printer(NamedTuple):
    """`target` is `host`, `host:port` or `host:port/path` for the server's own ways, and `lp:QUEUE` or
    `raw:host:port` for the agent."""

    way: str = "browser"
    paper: str = "A6"
    format: str = "pdf"
    target: str = ""
    dpi: int = 203


class Settings(NamedTuple):
    """How a bench works. `singles`: an item that is scanned first opens the oldest order of just that one."""

    verify: str = "each"
    singles: bool = False
    prints: tuple[str, ...] = ("label", "customs-declaration", "commercial-invoice")
    label: Printer = Printer()
    documents: Printer = Printer(paper="A4")

    def printer(self, name: str) -> Printer:
        return self.label if name == LABEL else self.documents


def read_settings(document: str) -> Settings:
    kept = orjson.loads(document)
    printers = {name: Printer(**kept[name]) for name in (LABEL, DOCUMENTS)}
    return Settings(kept["verify"], kept["singles"], tuple(kept["prints"]), **printers)


def to_document(settings: Settings) -> str:
    kept = settings._asdict() | {name: settings.printer(name)._asdict() for name in (LABEL, DOCUMENTS)}
    return orjson.dumps(kept).decode()


_HOST = r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,120}|\[[0-9A-Fa-f:]{2,45}\])"
_TARGETS = {
    "browser": re.compile(r".{0,200}"),
    "raw": re.compile(rf"{_HOST}(?::[0-9]{{1,5}})?"),
    "ipp": re.compile(rf"{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9/_.-]{{0,100}})?"),
    "agent": re.compile(rf"lp|lp:[A-Za-z0-9_][A-Za-z0-9_.@-]{{0,126}}|raw:{_HOST}(?::[0-9]{{1,5}})?"),
}


def check(name: str, settings: Settings) -> None:
    """Raises Invalid, with the field of each fault."""
    faults = []
    if not 0 < len(name) <= MAX_NAME:
        detail = message("A bench has a name of at most {most} characters.", most=MAX_NAME)
        faults.append(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("name",))))
    known: dict[str, tuple[str, tuple[str, ...]]] = {
        "verify": (settings.verify, VERIFY),
        "label/paper": (settings.label.paper, LABEL_PAPERS),
        "documents/paper": (settings.documents.paper, DOCUMENT_PAPERS),
    }
    for printer in PRINTERS:
        known |= {
            f"{printer}/way": (settings.printer(printer).way, WAYS),
            f"{printer}/format": (settings.printer(printer).format, FORMATS),
        }
        if (found := _find_flaw(settings.printer(printer))) is not None:
            pointer = errors.to_pointer((printer, "target"))
            faults.append(errors.ErrorItem("invalid", found, pointer=pointer))
        if not _has_dpi(settings.printer(printer)):
            detail = message("EPL is made for 203 dots an inch, PNG and ZPL for 203 or 300.")
            faults.append(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer((printer, "dpi"))))
    for field, (value, values) in known.items():
        if value not in values:
            detail = message("One of {known}.", known=", ".join(values))
            faults.append(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(tuple(field.split("/")))))
    if faults:
        raise errors.Invalid(faults)


def _has_dpi(printer: Printer) -> bool:
    return printer.dpi in (DPIS[:1] if printer.format == "epl" else DPIS)


def _find_flaw(printer: Printer) -> Message | None:
    pattern = _TARGETS.get(printer.way)
    if pattern is None or pattern.fullmatch(printer.target):
        return None
    if printer.way == "agent":
        return message("“lp”, “lp:QUEUE” or “raw:ADDRESS:PORT” is what it looks like.")
    return message("“192.0.2.7” or “192.0.2.7:9100” is what it looks like.")


def to_host_and_port(target: str, way: str) -> tuple[str, int]:
    """Split `host`, `host:port` or `[::1]:port`; a path behind it is left out."""
    found = re.fullmatch(rf"({_HOST})(?::([0-9]{{1,5}}))?(?:/.*)?", target)
    if found is None:
        raise ValueError(target)
    return found[1].strip("[]"), int(found[2] or PORTS[way])


# Without digits, dashes and the letters that keyboards put in different places (A, M, Q, W, Y, Z): a scanner that is
# set to another keyboard than the computer types these words right.
COMMANDS: dict[str, str] = {
    "PHDONE": "done",
    "PHCLOSE": "cancel",
    "PHNEXT": "next",
    "PHNEXTBOX": "box",
    "PHREPRINT": "reprint",
    "PHUNDO": "undo",
    "PHGO": "yes",
    "PHNO": "no",
    "PHHOLDSHORT": "hold:short",
    "PHHOLDBROKEN": "hold:broken",
    "PHHOLDOTHER": "hold:other",
}
HOLD_REASONS: dict[str, Message] = {
    "short": message("an item is missing"),
    "broken": message("an item is damaged"),
    "other": message("somebody has to look at it"),
}


_BATCH = re.compile(r"PHLIST([1-9][0-9]{0,17})")


def to_batch_code(id: int) -> str:
    """The barcode of a batch, which stands on its pick list."""
    return f"PHLIST{id}"


def find_batch(text: str) -> int | None:
    """The id of the batch whose barcode this is."""
    found = _BATCH.fullmatch(text.strip().upper())
    return int(found[1]) if found else None


def find_command(text: str) -> str | None:
    return COMMANDS.get(text.strip().upper())
