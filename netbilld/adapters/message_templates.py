"""What messages say: a text file for each kind and language, its first line the subject; the provider's words first.

The provider's are texts in the database, of one channel, before files of their own, before those that come with
netbilld. An SMS is short: its own text, or a short one of ours, or a message's subject.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from netbilld.model.errors import InvalidInputError
from netbilld.model.units import currency_exponent
from netbilld.ports.messages import ApprovedTemplate, Channel
from netbilld.ports.outbox import MessageKind
from netbilld.services.message_fields import example
from netbilld.services.message_texts import OwnText, TextKey

LOCALES: Final = ("id", "en")
_SETS: Final = re.compile(r"(?:\s*\{% set (?:[^%]|%(?!\}))*%\})*\s*")


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
        self._texts: dict[TextKey, OwnText] = {}
        self._loader = ChoiceLoader([FileSystemLoader(place) for place in (own, builtin) if place is not None])
        self._zone = ZoneInfo(timezone)
        self._environments: dict[str, SandboxedEnvironment] = {}
        for locale in LOCALES:
            environment = SandboxedEnvironment(
                loader=self._loader,
                autoescape=False,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=False,
            )
            environment.filters.update(_Words(locale, self._zone).filters())
            self._environments[locale] = environment

    def use(self, texts: Mapping[TextKey, OwnText]) -> None:
        """Take the provider's own texts, as they are on record now."""
        self._texts = dict(texts)

    def render(
        self, kind: MessageKind, locale: str, context: Mapping[str, Any], channel: str = Channel.EMAIL.value
    ) -> tuple[str, str]:
        """Return subject and text of a message by a channel.

        Raises:
            InvalidInputError: the template is broken, or names what its context does not hold.
        """
        language = self._language(locale)
        known = self._opens(context)
        own = self._texts.get((kind, channel, language))
        if own is not None:
            return self.fill(own, language, known)
        if channel == Channel.SMS.value:
            return self._short(kind, language, known)
        return self._of_file(f"{language}/{kind.value}.txt", language, known)

    def approved(
        self, kind: MessageKind, locale: str, context: Mapping[str, Any], channel: str
    ) -> ApprovedTemplate | None:
        """Return the text a messenger has approved for it, with what goes into it; None where there is none.

        Raises:
            InvalidInputError: what goes into it is broken.
        """
        language = self._language(locale)
        own = self._texts.get((kind, channel, language))
        if own is None or not own.template_name:
            return None
        known = self._opens(context)
        parameters = tuple(self._filled(language, one, known, own.label) for one in own.template_parameters)
        return ApprovedTemplate(own.template_name, own.template_language or language, parameters)

    def fill(self, own: OwnText, locale: str, context: Mapping[str, Any]) -> tuple[str, str]:
        """Return subject and text of words that are not on record yet, or are.

        Raises:
            InvalidInputError: they are broken, or name what is not known.
        """
        language = self._language(locale)
        subject = self._filled(language, own.subject, context, own.label)
        text = self._filled(language, own.body, context, own.label).strip() + "\n"
        return " ".join(subject.split()), text

    def check(self, own: OwnText) -> None:
        """Return quietly where a text can be filled in for every message of its kind.

        Raises:
            InvalidInputError: it can't be read, or names something that such a message does not have; it says what.
        """
        environment = self._environments[self._language(own.locale)]
        known = example(own.kind)
        for part in (own.subject, own.body, *own.template_parameters):
            try:
                named = find_undeclared_variables(environment.parse(part))
            except TemplateError as error:
                raise InvalidInputError(f"the text can't be read: {error}", code="text_broken") from None
            if unknown := sorted(named - known.keys()):
                fields = ", ".join(sorted(known))
                raise InvalidInputError(
                    f"there is no field {unknown[0]!r} in such a message",
                    hint=f"there are: {fields}",
                    code="text_unknown_field",
                    values={"field": unknown[0], "fields": fields},
                )
        self.fill(own, own.locale, known)
        for one in own.template_parameters:
            self._filled(own.locale, one, known, own.label)

    def builtin(self, kind: MessageKind, locale: str, channel: str) -> tuple[str, str]:
        """Return the sources of subject and text that are used where the provider has none of their own."""
        language = self._language(locale)
        short = self._source(f"{language}/sms/{kind.value}.txt") if channel == Channel.SMS.value else None
        source = short if short is not None else self._source(f"{language}/{kind.value}.txt") or ""
        found = _SETS.match(source)  # what subject and text both go by
        begin = found[0] if found is not None else ""
        subject, _, text = source[len(begin) :].strip().partition("\n")
        if channel != Channel.SMS.value:
            return begin.replace("\n", " ") + subject.strip(), begin + text.strip()
        if short is None:
            text = "{% if portal_url %}{{ portal_url }} {% endif %}- {{ business_name }}"
        return "", f"{begin}{subject.strip()} {text.strip()}"

    def _source(self, name: str) -> str | None:
        language = name.partition("/")[0]
        try:
            source, _, _ = self._loader.get_source(self._environments[language], name)
        except TemplateNotFound:
            return None
        return source

    def _language(self, locale: str) -> str:
        return locale if locale in self._environments else LOCALES[0]

    def _short(self, kind: MessageKind, language: str, known: Mapping[str, Any]) -> tuple[str, str]:
        """Return an SMS: a short text of ours, else the subject and where to look."""
        try:
            self._environments[language].get_template(f"{language}/sms/{kind.value}.txt")
        except TemplateNotFound:
            subject, _ = self._of_file(f"{language}/{kind.value}.txt", language, known)
            where = f" {known['portal_url']}" if known.get("portal_url") else ""
            return subject, f"{subject}.{where} - {known.get('business_name', '')}"
        except TemplateError:
            pass  # said with its name below
        subject, text = self._of_file(f"{language}/sms/{kind.value}.txt", language, known)
        return subject, " ".join(f"{subject} {text}".split())

    def _of_file(self, name: str, language: str, known: Mapping[str, Any]) -> tuple[str, str]:
        try:
            written = self._environments[language].get_template(name).render(**known)
        except (TemplateError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"message template {name}: {error}", hint="mend it in messages.templates", code="bad_template"
            ) from None
        subject, _, text = written.strip().partition("\n")
        return subject.strip(), text.strip() + "\n"

    def _filled(self, language: str, source: str, known: Mapping[str, Any], label: str) -> str:
        try:
            return self._environments[language].from_string(source).render(**known)
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise InvalidInputError(
                f"the text {label} can't be filled in: {error}", hint="mend it on the page of texts", code="text_broken"
            ) from None


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
