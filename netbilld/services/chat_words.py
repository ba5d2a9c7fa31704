"""What somebody means who writes to us: a word for a thing, or plain words; pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Wish(StrEnum):
    """What they want."""

    BILL = "bill"
    BALANCE = "balance"
    PAY = "pay"
    REPORT = "report"
    STATUS = "status"
    STOP = "stop"
    START = "start"
    MENU = "menu"
    PERSON = "person"  # somebody of the staff
    NUMBER = "number"  # digits: a code, or a subscriber's number
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meant:
    """A wish, with what belongs to it: the words of a report, or digits; and what a report is about."""

    wish: Wish
    words: str = ""
    category: str = "lainnya"


_WORDS: Final[dict[str, Wish]] = {
    "tagihan": Wish.BILL, "cek": Wish.BILL, "bill": Wish.BILL, "invoice": Wish.BILL,
    "saldo": Wish.BALANCE, "kuota": Wish.BALANCE, "pemakaian": Wish.BALANCE, "balance": Wish.BALANCE,
    "usage": Wish.BALANCE, "quota": Wish.BALANCE,
    "bayar": Wish.PAY, "pay": Wish.PAY, "pembayaran": Wish.PAY,
    "lapor": Wish.REPORT, "gangguan": Wish.REPORT, "keluhan": Wish.REPORT, "report": Wish.REPORT,
    "pengaduan": Wish.REPORT,
    "status": Wish.STATUS,
    "stop": Wish.STOP, "berhenti": Wish.STOP, "unsubscribe": Wish.STOP,
    "mulai": Wish.START, "start": Wish.START,
    "menu": Wish.MENU, "bantuan": Wish.MENU, "help": Wish.MENU, "halo": Wish.MENU, "hallo": Wish.MENU, "hai": Wish.MENU,
    "hi": Wish.MENU, "hello": Wish.MENU, "info": Wish.MENU, "ping": Wish.MENU, "p": Wish.MENU,
    "assalamualaikum": Wish.MENU,
    "cs": Wish.PERSON, "admin": Wish.PERSON, "petugas": Wish.PERSON,
}  # fmt: skip
_LINE: Final = r"\b(internet|wifi|wi-fi|jaringan|koneksi|net|modem|los)\b.{0,40}\b"
_DEAD: Final = r"(mati|down|error|merah|gangguan|tidak bisa|ga bisa|gak bisa|nggak bisa|not working)"
_PLAIN: Final[tuple[tuple[re.Pattern[str], Wish, str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), wish, category)
    for pattern, wish, category in (
        (r"\b(bagaimana|gimana|cara|mau|ingin|how).{0,20}\b(bayar|pay)", Wish.PAY, ""),
        (r"\b(berapa|jumlah|how much).{0,30}\b(tagihan|bill|bayar)", Wish.BILL, ""),
        (r"\b(sisa|berapa|how much).{0,20}\b(kuota|saldo|quota|balance)", Wish.BALANCE, ""),
        (_LINE + r"(putus|nyambung|hilang)", Wish.REPORT, "putus"),
        (_LINE + r"(lemot|lambat|pelan|lelet|slow)", Wish.REPORT, "lambat"),
        (_LINE + _DEAD, Wish.REPORT, "mati"),
        (r"\b(tidak|ga|gak|nggak|belum) (bisa|ada) (internet|online|konek|browsing)", Wish.REPORT, "mati"),
        (r"\bno internet\b", Wish.REPORT, "mati"),
        (r"\b(lemot|lelet)\b", Wish.REPORT, "lambat"),
    )
)
_KINDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"lemot|lambat|pelan|lelet|slow", re.IGNORECASE), "lambat"),
    (re.compile(r"putus|hilang|nyambung", re.IGNORECASE), "putus"),
    (re.compile(r"mati|\blos\b|merah|down|tidak bisa|ga bisa|gak bisa", re.IGNORECASE), "mati"),
    (re.compile(r"tagihan|bayar|invoice", re.IGNORECASE), "tagihan"),
    (re.compile(r"wifi|wi-fi|modem|router", re.IGNORECASE), "wifi"),
)
_DIGITS: Final = re.compile(r"[\d\s.-]{4,20}")
_SHORT: Final = 40  # letters: who commands says little
_LONGEST_REPORT: Final = 1_500


def understand(text: str) -> Meant:
    """Return what a text means."""
    words = " ".join(text.split())
    bare = words.strip(" .!?,#*_/").casefold()
    if not bare:
        return Meant(Wish.UNKNOWN)
    if _DIGITS.fullmatch(bare):
        return Meant(Wish.NUMBER, "".join(sign for sign in bare if sign.isdigit()))
    first, _, rest = bare.partition(" ")
    wish = _WORDS.get(first.strip(".!?,:;"))
    if wish is Wish.REPORT:
        said = text.strip()[_end_of_first(text.strip()) :].strip(" :;,-\n")[:_LONGEST_REPORT]
        return Meant(wish, said, category_of(said))
    if wish is not None and (not rest or len(bare) <= _SHORT):
        return Meant(wish)
    for pattern, meant, category in _PLAIN:
        if pattern.search(words):
            return Meant(meant, text.strip()[:_LONGEST_REPORT], category or "lainnya")
    return Meant(Wish.UNKNOWN)


def category_of(words: str) -> str:
    """Return what a report is about, by its words."""
    return next((category for pattern, category in _KINDS if pattern.search(words)), "lainnya")


def _end_of_first(text: str) -> int:
    found = re.match(r"[^\w]*\w+", text)
    return found.end() if found is not None else 0
