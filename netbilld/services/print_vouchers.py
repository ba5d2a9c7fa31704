"""What is printed of vouchers: the words of a card, and how the cards lie on paper."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from netbilld.model.errors import InvalidInputError
from netbilld.model.voucher import Batch, shown_code, validity_text
from netbilld.services.document_writer import DocumentWriter
from netbilld.services.open_vouchers import OpenVoucher

_LONGEST_URL: Final = 120


class Layout(StrEnum):
    """How vouchers are printed."""

    CARDS = "cards"  # A4, 3 x 8, with a QR code
    LARGE = "large"  # A4, 2 x 5, with a QR code and what to do
    STRIPS = "strips"  # A4, 5 x 17, the code alone
    THERMAL_58 = "58mm"  # a roll, one after another
    THERMAL_80 = "80mm"


@dataclass(frozen=True, slots=True)
class PrintedVoucher:
    """One card, ready to draw."""

    code: str = field(repr=False)
    password: str | None = field(repr=False)  # None: the code is its password
    qr: str = field(repr=False)
    serial: str


@dataclass(frozen=True, slots=True)
class PrintedSheet:
    """Cards of one batch with what stands on each of them."""

    layout: Layout
    business: str
    title: str
    price: str
    validity: str
    code_label: str
    password_label: str
    how: str
    vouchers: tuple[PrintedVoucher, ...]
    author: str = "netbilld"


_WORDS: Final = {
    "id": {
        "code": "Kode",
        "password": "Sandi",
        "m": "menit",
        "h": "jam",
        "d": "hari",
        "from": "Berlaku {span} sejak {start}",
        "first_use": "dipakai",
        "sale": "dibeli",
        "by": "Mulai paling lambat {day}",
        "how": "Sambungkan ke Wi-Fi, buka halaman masuk, pindai atau ketik kode ini.",
    },
    "en": {
        "code": "Code",
        "password": "Password",
        "m": "minutes",
        "h": "hours",
        "d": "days",
        "from": "Valid {span} from {start}",
        "first_use": "first use",
        "sale": "purchase",
        "by": "Begin by {day}",
        "how": "Join the Wi-Fi, open its log-in page, and scan or type this code.",
    },
}


def check_login_url(text: str) -> str:
    """Return the address that a scanned code opens; empty for the code alone.

    Raises:
        InvalidInputError: it is no address of a log-in page.
    """
    url = text.strip()
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > _LONGEST_URL or parts.query:
        raise InvalidInputError(f"{url!r}: write the log-in page as http://hotspot.example/login", code="bad_url")
    return url


def printed_sheet(
    found: Sequence[OpenVoucher], batch: Batch, layout: Layout, *, business: str, locale: str, login_url: str = ""
) -> PrintedSheet:
    """Return a sheet of vouchers of a batch in somebody's language."""
    words = _WORDS.get(locale, _WORDS["en"])
    writer = DocumentWriter(locale)
    span = validity_text(batch.validity_seconds)
    validity = words["from"].format(span=f"{span[:-1]} {words.get(span[-1], 's')}", start=words[batch.valid_from.value])
    if batch.use_by_at is not None:
        validity += f". {words['by'].format(day=writer.day(_day(batch.use_by_at, batch.timezone)))}"
    return PrintedSheet(
        layout=layout,
        business=business,
        title=batch.name or batch.plan,
        price=writer.money(batch.price_minor, batch.currency),
        validity=validity,
        code_label=words["code"],
        password_label=words["password"],
        how=words["how"],
        vouchers=tuple(
            PrintedVoucher(
                shown_code(one.code),
                one.password if batch.has_password else None,
                _qr(one, login_url),
                f"{batch.label}-{one.voucher.position:05d}",
            )
            for one in found
        ),
        author=business,
    )


def _qr(one: OpenVoucher, login_url: str) -> str:
    if not login_url:
        return one.code
    return f"{login_url}?{urlencode({'username': one.code, 'password': one.password})}"


def _day(at: datetime, timezone: str) -> date:
    return at.astimezone(ZoneInfo(timezone)).date()
