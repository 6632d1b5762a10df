"""Which code page of before Unicode a text is in: the one in which most of the words that are not ASCII are words.

A word of Europe is one whose letters belong to one language. Of the writings of Asia and the Near East, where nearly
all bytes are some letter of each code page, those letters count that are frequent in names and addresses.
"""

import re
import tomllib
import unicodedata
from importlib.resources import files
from itertools import pairwise

import charset_normalizer

# The letters beside a-z of the languages that a code page is used for, by code page in the order of preference, each
# with the weight of a word of it: where two languages fit, the one that is read more often is meant.
_WESTERN = (
    ("äöüß", 1.0), ("àâæçéèêëîïôœùûü", 1.0), ("áéëèêïíóöúüçñäâàôû", 1.0), ("áàâãçéêíóôõúü", 1.0), ("àèéìíòóùú", 1.0),
    ("æøåéäöü", 1.0), ("åäöéü", 1.0), ("áðéíóúýþæö", 0.8),
)  # fmt: skip
_ALPHABETS: dict[str, tuple[tuple[str, float], ...]] = {
    "cp1252": _WESTERN,
    "cp1250": (("ąćęłńóśźż", 0.98), ("áčďéěíňóřšťúůýž", 0.98), ("áäčďéíĺľňóôŕšťúýž", 0.98), ("áéíóöőúüű", 0.98),
               ("ăâîşţ", 0.85), ("čćđšž", 0.97)),
    "cp1254": (("çğıöşüâî", 0.96),),
    "cp1257": (("ąčęėįšųūž", 0.95), ("āčēģīķļņšūž", 0.95), ("äöüõšž", 0.95)),
    "iso8859_15": tuple((letters, weight - 0.06) for letters, weight in _WESTERN),
    "iso8859_2": (("ąćęłńóśźż", 0.9), ("áčďéěíňóřšťúůýž", 0.9), ("áéíóöőúüű", 0.9)),
    "mac_roman": tuple((letters, weight - 0.12) for letters, weight in _WESTERN),
    "cp850": tuple((letters, weight - 0.14) for letters, weight in _WESTERN),
    "cp437": tuple((letters, weight - 0.16) for letters, weight in _WESTERN),
    "cp852": (("ąćęłńóśźż", 0.85), ("áčďéěíňóřšťúůýž", 0.85), ("áéíóöőúüű", 0.85)),
    "cp1251": (("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў", 0.9),),
    "koi8_r": (("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", 0.85),),
    "cp866": (("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", 0.8),),
    "cp1253": (("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", 0.9),),
}  # fmt: skip
# Signs that stand beside letters, and those that stand by themselves: in the midst of letters they show that the code
# page is another.
_EDGES = "«»¿¡®©™…–—‘’‚“”„²³º°·•\u00a0"
_SIGNS = frozenset(_EDGES + "€£§½¼¾µ")
# Code pages of other scripts, in which every byte is some letter: one or two of them prove nothing.
_OTHER_SCRIPTS = frozenset({"cp1251", "cp1253", "koi8_r", "cp866"})
_FEW = 3
_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f]+[^\W\d_]*(?:[^\x00-\x7f]+[^\W\d_]*)*")
# A quote that opens does not stand behind a word, but where one that belongs to it stands before.
_ODD_END = re.compile(r"[^‚„‘«].*[^\W\d_][‘‚„«]")
_LEAST_FITTING = 0.5
_SURE = 0.75


def _to_letters(*spans: tuple[int, int]) -> frozenset[str]:
    return frozenset(chr(code) for first, last in spans for code in range(first, last + 1))


_READ = tomllib.loads(files("packhouse").joinpath("orders", "files", "usual_letters.toml").read_text("utf-8"))
_JAPANESE = frozenset(_READ["japanese"]) | _to_letters((0x3041, 0x30FE))
# The syllables of KS X 1001, in which nearly all Korean is written.
_KOREAN = frozenset(bytes([row, cell]).decode("euc_kr") for row in range(0xB0, 0xC9) for cell in range(0xA1, 0xFF))
_USUAL = {
    "cp949": _KOREAN,
    "cp932": _JAPANESE,
    "euc_jp": _JAPANESE,
    "gbk": frozenset(_READ["simplified"]),
    "big5": frozenset(_READ["traditional"]),
    "cp1255": _to_letters((0x05D0, 0x05EA)),  # before Thai, which has its vowels where Hebrew has its letters
    "cp874": _to_letters((0x0E01, 0x0E2E), (0x0E30, 0x0E39), (0x0E40, 0x0E4C)),
    "cp1256": _to_letters((0x0621, 0x0652)) | frozenset("پچژگکی"),
}
_ENOUGH = {
    "cp949": 0.9, "cp932": 0.3, "euc_jp": 0.3, "gbk": 0.3, "big5": 0.3, "cp1255": 0.95, "cp874": 0.95, "cp1256": 0.9,
}  # fmt: skip
"""Which part of the letters must be usual ones: of the Chinese characters many are seldom, of an alphabet none."""
_HALF_WIDTH = re.compile("[\uff66-\uff9f]+")
_IMPOSSIBLE = re.compile("(?<![\u0e01-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
"""A Thai mark with no letter that it stands on."""
_RUN = re.compile(r"(?:[^\x00-\x7f]|(?<=[^\x00-\x7f])[A-Za-z]|[A-Za-z](?=[^\x00-\x7f]))+")


def find_code_page(sample: bytes) -> str | None:
    """The one that makes most words, or what charset-normalizer finds where none does; None where nothing fits."""
    scores = {name: _score(sample, name) for name in _ALPHABETS}
    best = max(scores, key=lambda name: scores[name])
    asian = _find_asian(sample)
    if scores[best] >= _LEAST_FITTING and not (asian and (scores[best] < _SURE or best in _OTHER_SCRIPTS)):
        return best
    if asian:
        return asian
    if _is_little(sample):
        return None
    found = charset_normalizer.from_bytes(sample).best()
    return found.encoding if found is not None else None


def _find_asian(sample: bytes) -> str | None:
    """The code page of Asia or the Near East whose usual letters these are."""
    shares = {name: _find_share(sample, name) for name in _USUAL}
    fitting = [name for name in _USUAL if shares[name] >= _ENOUGH[name]]
    # Of Chinese characters half being usual ones says as much as all letters of an alphabet.
    return max(
        fitting,
        key=lambda name: min(1.0, shares[name] * 1.8) if _ENOUGH[name] < 0.5 else shares[name] - 0.01,
        default=None,
    )


def _find_share(sample: bytes, code_page: str) -> float:
    """The part of the letters that is usual in this writing; 0 where such a letter stands within a word of ours."""
    try:
        text = sample.decode(code_page)
    except UnicodeDecodeError:
        return 0.0
    if _IMPOSSIBLE.search(text):
        return 0.0
    usual, seen, known = _USUAL[code_page], 0, 0
    runs = _RUN.findall(text)
    # Kana of half the width are written for whole words, or not at all: each byte would be one.
    is_half_width = all(_HALF_WIDTH.fullmatch(run) for run in runs)
    for run in runs:
        letters = [letter for letter in run if unicodedata.category(letter)[0] in "LMC"]
        if any(letter.isascii() for letter in letters) and len(letters) > 1:
            return 0.0
        seen += len(letters)
        known += len(letters) // 2 if is_half_width else sum(letter in usual for letter in letters)
    return known / seen if seen else 0.0


def _is_little(sample: bytes) -> bool:
    return len(set(sample) - set(range(128))) < _FEW


def _score(sample: bytes, code_page: str) -> float:
    """How much of the words with other letters than a-z is a word of one language, from 0 to 1."""
    try:
        text = sample.decode(code_page)
    except UnicodeDecodeError:
        return 0.0
    if code_page in _OTHER_SCRIPTS and _is_little(sample):
        return 0.0
    found = (word if _ODD_END.fullmatch(word) else word.strip(_EDGES) for word in _WORD.findall(text))
    words = [word for word in found if not word.isascii() and not set(word) <= _SIGNS]
    if not words:
        return 0.9 if _WORD.search(text) and code_page == "cp1252" else 0.0
    return sum(_weigh(word, code_page) for word in words) / len(words)


def _weigh(word: str, code_page: str) -> float:
    """0 for what cannot be a word: signs among letters, or a capital after a small letter."""
    letters = {letter.lower() for letter in word if not letter.isascii()} - {"\u00a0"}
    if any(one > "\x7f" and one.islower() and "A" <= other <= "Z" for one, other in pairwise(word)):
        return 0.3
    if word != word.upper() and any(letter.isupper() and not letter.isascii() for letter in word[1:]):
        return 0.0
    if "õ" in word.lower() and "õe" not in word.lower() and code_page != "cp1257":  # so it stands in Portuguese
        return 0.0
    return max((weight for alphabet, weight in _ALPHABETS[code_page] if letters <= set(alphabet)), default=0.0)
