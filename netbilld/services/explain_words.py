"""The sentences of `explain`, in Indonesian and English: what is so, and what to do about it.

A sentence is made of parts; a part is left out when a figure it needs is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from string import Formatter
from typing import Final, Literal
from zoneinfo import ZoneInfo

from netbilld.enforcement.explain import Check, Explanation, Value
from netbilld.model.units import currency_exponent
from netbilld.services.explain_english import ENGLISH, Parts, Words
from netbilld.services.explain_indonesian import INDONESIAN

Locale = Literal["id", "en"]


@dataclass(frozen=True, slots=True)
class Said:
    """A check in words."""

    title: str
    text: str
    action: str


TITLES: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {
        "account": "Akun", "password": "Kata sandi", "plan": "Paket", "money": "Uang", "quota": "Kuota",
        "sessions": "Sesi", "lock": "Kunci", "pool": "Pool alamat", "nas": "NAS", "link": "Jalur",
        "coa": "CoA terakhir",
    },
    "en": {
        "account": "Account", "password": "Password", "plan": "Plan", "money": "Money", "quota": "Quota",
        "sessions": "Sessions", "lock": "Lock", "pool": "Address pool", "nas": "NAS", "link": "Link",
        "coa": "Last CoA",
    },
}  # fmt: skip
STATES: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {"ok": "beres", "blocking": "MENGHALANGI", "warning": "perhatikan", "unknown": "belum diketahui"},
    "en": {"ok": "ok", "blocking": "BLOCKING", "warning": "warning", "unknown": "unknown"},
}

WORDS: Final[Mapping[Locale, Mapping[str, Words]]] = {"id": INDONESIAN, "en": ENGLISH}

_VERDICTS: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {
        "blocked": "Tidak bisa online",
        "online": "Sedang online; tidak ada yang menghalangi",
        "warning": "Tidak ada yang menghalangi, tetapi perhatikan",
        "unknown": "Tidak ada yang menghalangi yang diketahui",
        "ok": "Tidak ada yang menghalangi",
    },
    "en": {
        "blocked": "Can't get online",
        "online": "Online; nothing blocks",
        "warning": "Nothing blocks, but look",
        "unknown": "Nothing known blocks",
        "ok": "Nothing blocks",
    },
}
_WALLED: Final[Mapping[Locale, str]] = {
    "id": " Hanya halaman isolir yang terbuka.",
    "en": " Only the walled garden is open.",
}
_MISSING: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {"clear_text": "kata sandi teks asli", "nt_hash": "hash NT"},
    "en": {"clear_text": "the clear-text password", "nt_hash": "the NT hash"},
}
_METHODS: Final = {"pap": "PAP", "chap": "CHAP", "mschap": "MS-CHAP", "mschapv2": "MS-CHAPv2", "mac": "MAC"}
_ACTIONS: Final = {"coa": "CoA", "disconnect": "Disconnect"}
_MONTHS: Final[Mapping[Locale, Sequence[str]]] = {
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_OCTET_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


class Teller:
    """Says checks in one language; instants are local to `timezone`, amounts in `currency`.

    Without `with_money` no amount is named: not everybody on the staff may see them.
    """

    def __init__(self, locale: Locale, timezone: str, currency: str, *, with_money: bool = True) -> None:
        self._locale: Locale = locale
        self._zone = ZoneInfo(timezone)
        self._currency = currency
        self._with_money = with_money

    def verdict(self, explanation: Explanation) -> str:
        """Return the outcome in a few words."""
        return _VERDICTS[self._locale][explanation.verdict]

    def state(self, check: Check) -> str:
        """Return the word for how a check stands."""
        return STATES[self._locale][check.state.value]

    def say(self, check: Check) -> Said:
        """Return title, sentence and next action of a check."""
        words = WORDS[self._locale][check.cause]
        if not self._with_money:
            words = WORDS[self._locale].get(f"{check.cause}_private", words)
        values = {name: self._written(name, value) for name, value in check.values.items()}
        text = _filled(words.text, values)
        if check.values.get("access") == "walled":
            text += _WALLED[self._locale]
        if not text.endswith((".", "?")):
            text += "."
        return Said(TITLES[self._locale][check.name.value], text, _filled(words.action, values))

    def _written(self, name: str, value: Value) -> str:
        if value is None or value == "":
            return ""
        if name == "missing":
            return _MISSING[self._locale].get(str(value), str(value))
        if name == "method":
            return _METHODS.get(str(value), str(value).upper())
        if name == "action":
            return _ACTIONS.get(str(value), str(value))
        if isinstance(value, datetime):
            return self._moment(value)
        if isinstance(value, date):
            return f"{value.day} {_MONTHS[self._locale][value.month - 1]} {value.year}"
        if name.endswith("_minor") and isinstance(value, int):
            return self._money(value)
        if name.endswith("_octets") and isinstance(value, int):
            return self._octets(value)
        # whoever logs in chooses names: nothing that could move a terminal's cursor
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))

    def _moment(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        clock = f"{local:%H.%M}" if self._locale == "id" else f"{local:%H:%M}"
        return f"{local.day} {_MONTHS[self._locale][local.month - 1]} {local.year} {clock}"

    def _money(self, amount_minor: int) -> str:
        exponent = currency_exponent(self._currency)
        units, rest = divmod(abs(amount_minor), 10**exponent)
        marks = (".", ",") if self._locale == "id" else (",", ".")
        figure = f"{units:,}".replace(",", marks[0]) + (f"{marks[1]}{rest:0{exponent}d}" if exponent else "")
        sign = "-" if amount_minor < 0 else ""
        return f"{sign}Rp{figure}" if self._currency == "IDR" else f"{sign}{self._currency} {figure}"

    def _octets(self, octets: int) -> str:
        for size, unit in _OCTET_UNITS:
            if octets >= size:
                figure = f"{octets / size:.2f}".rstrip("0").rstrip(".")
                return f"{figure.replace('.', ',') if self._locale == 'id' else figure} {unit}"
        return f"{octets} B"


def _filled(parts: Parts, values: Mapping[str, str]) -> str:
    """Return the parts whose figures are all known, in one."""
    said = []
    for part in parts:
        needed = [name for _text, name, _spec, _conversion in Formatter().parse(part) if name]
        if all(values.get(name) for name in needed):
            said.append(part.format_map(dict(values)))
    return "".join(said).replace("..", ".").strip()
