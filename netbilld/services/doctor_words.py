"""Findings about a NAS in words, Indonesian and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.enforcement.doctor.checks import Finding, Value
from netbilld.services.doctor_english import ENGLISH
from netbilld.services.doctor_indonesian import INDONESIAN
from netbilld.services.explain_words import Locale

SENTENCES: Final[Mapping[Locale, Mapping[str, str]]] = {"id": INDONESIAN, "en": ENGLISH}
TITLES: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {
        "source_address": "Alamat asal", "secret": "Kunci rahasia", "message_authenticator": "Message-Authenticator",
        "radius": "RADIUS", "clock": "Jam", "interim": "Laporan berkala", "direction": "Arah penghitung",
        "orders": "Perintah (CoA)", "api": "API", "api_rights": "Hak API", "snmp": "SNMP", "pool": "Pool",
        "list": "Daftar isolir", "fasttrack": "Fasttrack", "masquerade": "Masquerade",
    },
    "en": {
        "source_address": "Source address", "secret": "Secret", "message_authenticator": "Message-Authenticator",
        "radius": "RADIUS", "clock": "Clock", "interim": "Interim reports", "direction": "Direction of counters",
        "orders": "Orders (CoA)", "api": "API", "api_rights": "API rights", "snmp": "SNMP", "pool": "Pools",
        "list": "Walled list", "fasttrack": "Fasttrack", "masquerade": "Masquerade",
    },
}  # fmt: skip
RESULTS: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {"ok": "beres", "warn": "perhatikan", "fail": "SALAH", "unknown": "tidak diketahui"},
    "en": {"ok": "ok", "warn": "warning", "fail": "WRONG", "unknown": "unknown"},
}
_WAYS: Final[Mapping[Locale, Mapping[str, str]]] = {
    "id": {"slow": "terlambat", "fast": "terlalu cepat"},
    "en": {"slow": "slow", "fast": "fast"},
}
_UNITS: Final[Mapping[Locale, tuple[str, str, str, str]]] = {
    "id": ("hari", "jam", "menit", "detik"),
    "en": ("days", "h", "min", "s"),
}
_UNKNOWN: Final[Mapping[Locale, str]] = {"id": "tidak diketahui", "en": "unknown"}


@dataclass(frozen=True, slots=True)
class Said:
    """A finding in words."""

    title: str
    result: str
    text: str


class DoctorTeller:
    """Says findings in one language; instants are local to `timezone`."""

    def __init__(self, locale: Locale, timezone: str) -> None:
        self._locale: Locale = locale
        self._zone = ZoneInfo(timezone)

    def say(self, finding: Finding) -> Said:
        """Return title, result and sentence of a finding."""
        values = {name: self._written(name, value) for name, value in finding.values.items()}
        text = SENTENCES[self._locale][finding.cause].format_map(values)
        return Said(
            TITLES[self._locale][finding.name.value],
            RESULTS[self._locale][finding.result.value],
            text.replace("..", "."),
        )

    def _written(self, name: str, value: Value) -> str:
        if value is None:
            return _UNKNOWN[self._locale]
        if isinstance(value, datetime):
            return value.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")
        if name == "way":
            return _WAYS[self._locale][str(value)]
        if name == "off" and isinstance(value, int):
            return self._duration(value)
        # a NAS chooses names: nothing that could move a terminal's cursor
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))

    def _duration(self, seconds: int) -> str:
        days, hours, minutes, rest = _UNITS[self._locale]
        if seconds >= 2 * 86_400:
            return f"{seconds // 86_400} {days}"
        if seconds >= 3600:
            return f"{seconds // 3600} {hours} {seconds // 60 % 60} {minutes}"
        return f"{seconds // 60} {minutes} {seconds % 60} {rest}"
