"""How figures, money and time are written for a reader."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from babel.support import Translations

from netbilld.model.units import currency_exponent

_NARROW: Final = "\N{NO-BREAK SPACE}"
_OCTET_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_RATE_UNITS: Final = ((10**9, "Gbps"), (10**6, "Mbps"), (10**3, "kbps"))
_SYMBOLS: Final = {"IDR": "Rp", "USD": "US$", "EUR": "€", "JPY": "¥", "MYR": "RM", "SGD": "S$", "PHP": "₱", "THB": "฿"}


class Writer:
    """Writes values in one language and one time zone."""

    def __init__(self, locale: str, timezone: str, currency: str, translations: Translations) -> None:
        self.locale = locale
        self._zone = ZoneInfo(timezone)
        self._currency = currency
        self._translations = translations
        self._decimal = "," if locale == "id" else "."

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the Jinja filters by name."""
        return {
            "money": self.money,
            "number": self.number,
            "octets": self.octets,
            "rate": self.rate,
            "duration": self.duration,
            "seconds": self.seconds,
            "day": self.day,
            "date": self.on,
            "short_day": self.short_day,
            "weekday": self.weekday,
            "month": self.month,
            "short_month": self.short_month,
            "short_money": self.short_money,
            "clock": self.clock,
            "time_of_day": self.time_of_day,
            "clock_seconds": self.clock_seconds,
            "moment": self.moment,
            "short_moment": self.short_moment,
            "ago": self.ago,
            "percent": self.percent,
            "permille": self.permille,
            "iso": _iso,
            "day_before": _day_before,
        }

    def money(self, amount_minor: int, currency: str | None = None) -> str:
        """Return `Rp275.000`; a negative amount has its minus in front."""
        code = currency or self._currency
        exponent = currency_exponent(code)
        sign, whole = ("\N{MINUS SIGN}", -amount_minor) if amount_minor < 0 else ("", amount_minor)
        units, rest = divmod(whole, 10**exponent)
        text = self.number(units) + (f"{self._decimal}{rest:0{exponent}d}" if exponent else "")
        symbol = _SYMBOLS.get(code, code + _NARROW)
        return f"{sign}{symbol}{text}"

    def short_money(self, amount_minor: int, currency: str | None = None) -> str:
        """Return `Rp1,2 jt`: for an axis, where there is no room for every digit."""
        code = currency or self._currency
        value = amount_minor / 10 ** currency_exponent(code)
        _ = self._translations.gettext
        for size, unit in ((10**9, _("bn")), (10**6, _("m")), (10**3, _("k"))):
            if abs(value) >= size:
                text = f"{value / size:.1f}".rstrip("0").rstrip(".").replace(".", self._decimal)
                return f"{_SYMBOLS.get(code, code + _NARROW)}{text}{_NARROW}{unit}"
        return self.money(amount_minor, currency)

    def number(self, value: int) -> str:
        """Return a whole number with its thousands marked."""
        return format_decimal(value, locale=self.locale)

    def octets(self, value: int) -> str:
        """Return `12,4 GB` (10⁹): three significant figures, so that columns stay narrow."""
        return self._scaled(value, _OCTET_UNITS, "B")

    def rate(self, value: int) -> str:
        """Return `18,2 Mbps` (10⁶ bit/s)."""
        return self._scaled(value, _RATE_UNITS, "bps")

    def _scaled(self, value: int, units: tuple[tuple[int, str], ...], least: str) -> str:
        for size, name in units:
            if abs(value) >= size:
                scaled = value / size
                digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
                text = f"{scaled:.{digits}f}"
                if "." in text:
                    text = text.rstrip("0").rstrip(".")
                return f"{text.replace('.', self._decimal)}{_NARROW}{name}"
        return f"{value}{_NARROW}{least}"

    def duration(self, value: float | timedelta) -> str:
        """Return the two largest parts: `2 h 14 mnt`; below a minute the seconds."""
        total = int(value.total_seconds() if isinstance(value, timedelta) else value)
        days, rest = divmod(max(0, total), 86_400)
        hours, rest = divmod(rest, 3600)
        minutes, seconds = divmod(rest, 60)
        _ = self._translations.gettext
        parts = ((days, _("d")), (hours, _("h")), (minutes, _("min")), (seconds, _("s")))
        shown = next((index for index, (amount, _unit) in enumerate(parts) if amount), 3)
        pair = [f"{amount}{_NARROW}{unit}" for amount, unit in parts[shown : shown + 2] if amount]
        return " ".join(pair) or f"0{_NARROW}{parts[3][1]}"

    def seconds(self, value: float | timedelta) -> str:
        """Return `0,42 s` of a short span, `38 s` of a longer one (SI), and its two largest parts from two minutes."""
        span = value.total_seconds() if isinstance(value, timedelta) else value
        if span >= 120:
            return self.duration(span)
        digits = 2 if span < 10 else 1 if span < 60 else 0
        return f"{span:.{digits}f}".replace(".", self._decimal) + f"{_NARROW}s"

    def percent(self, part: int, whole: int) -> str:
        """Return `83 %`, rounded down so that 100 % means used up."""
        return f"{part * 100 // whole if whole else 0}{_NARROW}%"

    def permille(self, value: int) -> str:
        """Return `2,5 %` of 25."""
        return f"{format_decimal(Decimal(value) / 10, locale=self.locale)}{_NARROW}%"

    def day(self, value: date | datetime) -> str:
        """Return `5 Januari 2026`, of an instant its local day."""
        return format_date(self._local_day(value), "d MMMM y", locale=self.locale)

    def on(self, value: date | datetime) -> str:
        """Return `5 Jan 2026`, of an instant its local day: for columns."""
        return format_date(self._local_day(value), "d MMM y", locale=self.locale)

    def short_day(self, value: date | datetime) -> str:
        """Return `5 Jan`."""
        return format_date(self._local_day(value), "d MMM", locale=self.locale)

    def weekday(self, value: date | datetime) -> str:
        """Return `Sen`, of an instant that of its local day."""
        return format_date(self._local_day(value), "EEE", locale=self.locale)

    def month(self, value: date) -> str:
        """Return `November 2026`."""
        return format_date(value, "MMMM y", locale=self.locale)

    def short_month(self, value: date) -> str:
        """Return `Nov 26`."""
        return format_date(value, "MMM yy", locale=self.locale)

    def clock(self, value: datetime) -> str:
        """Return `15.02 WIB`."""
        local = value.astimezone(self._zone)
        return f"{self._time(local, 'HH.mm', 'HH:mm')}{_NARROW}{local.tzname()}"

    def time_of_day(self, value: datetime) -> str:
        """Return `15.02`; the zone goes without saying on an axis."""
        return self._time(value.astimezone(self._zone), "HH.mm", "HH:mm")

    def clock_seconds(self, value: datetime) -> str:
        """Return `15.02.07`."""
        return self._time(value.astimezone(self._zone), "HH.mm.ss", "HH:mm:ss")

    def moment(self, value: datetime) -> str:
        """Return `5 Jan 2026, 15.02`."""
        local = value.astimezone(self._zone)
        return f"{format_date(local.date(), 'd MMM y', locale=self.locale)}, {self._time(local, 'HH.mm', 'HH:mm')}"

    def short_moment(self, value: datetime) -> str:
        """Return `5 Jan, 15.02`."""
        local = value.astimezone(self._zone)
        return f"{format_date(local.date(), 'd MMM', locale=self.locale)}, {self._time(local, 'HH.mm', 'HH:mm')}"

    def ago(self, value: datetime, now: datetime) -> str:
        """Return how long before `now` that was, in words that need no clock."""
        span = (now - value).total_seconds()
        _ = self._translations.gettext
        if span < 3:
            return _("just now")
        if span < 86_400 * 2:
            return _("%(span)s ago") % {"span": self.duration(span if span < 60 else span // 60 * 60)}
        return self.moment(value)

    def _time(self, local: datetime, indonesian: str, english: str) -> str:
        pattern = indonesian if self.locale == "id" else english
        return format_datetime(local.replace(tzinfo=None), pattern, locale=self.locale)

    def _local_day(self, value: date | datetime) -> date:
        return value.astimezone(self._zone).date() if isinstance(value, datetime) else value


def _iso(value: datetime) -> str:
    """Return an instant for a `datetime` attribute."""
    return value.isoformat(timespec="seconds")


def _day_before(on: date) -> date:
    """Return the last day of a period that ends before `on`, as its reader and its invoice count it."""
    return on - timedelta(days=1)
