"""What messages say: a text file for each kind and language, its first line the subject."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from netbilld.model.errors import InvalidInputError
from netbilld.model.units import currency_exponent
from netbilld.ports.outbox import MessageKind

LOCALES: Final = ("id", "en")


class MessageTemplates:
    """Renders messages; the provider's own texts go before those that come with netbilld."""

    def __init__(
        self,
        builtin: Path,
        own: Path | None,
        *,
        timezone: str,
        opens: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    ) -> None:
        """Take the directories, each with `id/KIND.txt` and `en/KIND.txt`, and the zone that instants are told in.

        `opens` returns a context with what lies sealed in it opened.
        """
        self._opens = opens
        places = [FileSystemLoader(place) for place in (own, builtin) if place is not None]
        self._zone = ZoneInfo(timezone)
        self._environments: dict[str, SandboxedEnvironment] = {}
        for locale in LOCALES:
            environment = SandboxedEnvironment(
                loader=ChoiceLoader(places),
                autoescape=False,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=False,
            )
            environment.filters.update(_Words(locale, self._zone).filters())
            self._environments[locale] = environment

    def render(self, kind: MessageKind, locale: str, context: Mapping[str, Any]) -> tuple[str, str]:
        """Return subject and text of a message.

        Raises:
            InvalidInputError: the template is broken, or names what its context does not hold.
        """
        language = locale if locale in self._environments else LOCALES[0]
        name = f"{language}/{kind.value}.txt"
        try:
            written = self._environments[language].get_template(name).render(**self._opens(context))
        except TemplateError as error:
            raise InvalidInputError(
                f"message template {name}: {error}", hint="mend it in messages.templates", code="bad_template"
            ) from None
        subject, _, text = written.strip().partition("\n")
        return subject.strip(), text.strip() + "\n"


class _Words:
    """Amounts, days and instants, as a language writes them."""

    def __init__(self, locale: str, zone: ZoneInfo) -> None:
        self._locale, self._zone = locale, zone

    def filters(self) -> dict[str, Any]:
        return {
            "money": self.money,
            "day": self.day,
            "day_before": self.day_before,
            "moment": self.moment,
            "volume": self.volume,
            "hours": self.hours,
        }

    def money(self, amount_minor: int, currency: str) -> str:
        """Write `Rp200.000` for rupiah, `USD 12.50` for others."""
        sign, exponent = "-" if amount_minor < 0 else "", currency_exponent(currency)
        whole, rest = divmod(abs(amount_minor), 10**exponent)
        if currency == "IDR":
            return f"{sign}Rp{whole:,}".replace(",", ".")
        return f"{sign}{currency} {whole:,}" + (f".{rest:0{exponent}}" if exponent else "")

    def day(self, value: str) -> str:
        """Write a day of ISO 8601 in full."""
        return str(format_date(date.fromisoformat(value), "d MMMM y", locale=self._locale))

    def day_before(self, value: str) -> str:
        """Write the last day of a period, by the day after it."""
        return self.day((date.fromisoformat(value) - timedelta(days=1)).isoformat())

    def moment(self, value: str) -> str:
        """Write an instant of ISO 8601 as local time."""
        at = datetime.fromisoformat(value).astimezone(self._zone)
        return str(format_datetime(at, "EEEE, d MMMM y HH:mm", locale=self._locale))

    def volume(self, octets: int) -> str:
        """Write octets as GB of 10⁹."""
        written = f"{octets / 10**9:.1f}".removesuffix(".0")
        return f"{written.replace('.', ',') if self._locale == 'id' else written} GB"

    def hours(self, seconds: int) -> str:
        """Write seconds as hours."""
        written = f"{seconds / 3600:.1f}".removesuffix(".0")
        return f"{written.replace('.', ',')} jam" if self._locale == "id" else f"{written} h"
