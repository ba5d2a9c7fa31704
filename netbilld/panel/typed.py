"""A form as it was typed: values of the kinds that fields hold, and beside each field what is wrong with it."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.model.units import parse_amount
from netbilld.panel.forms import read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import refused as refusal_said
from netbilld.panel.visit import say
from netbilld.panel.words import N_

WHOLE_FORM: Final = ""  # where what is wrong is not one field's
_DAYS: Final = (1990, 2200)


class Typed:
    """Reads fields one by one; after that `is_right` says whether every one of them was.

    Attributes:
        faults: by field, what is wrong with it, in the reader's language; by WHOLE_FORM what is wrong with all of it.
    """

    def __init__(self, request: web.Request, values: Mapping[str, str] | None = None) -> None:
        self._request = request
        self.values: Final = {name: value for name, value in (values or {}).items() if name != "csrf"}
        self.faults: Final[dict[str, str]] = {}

    @property
    def is_right(self) -> bool:
        return not self.faults

    def kept(self, name: str, otherwise: object = "") -> str:
        """Return what was typed; what there was before where nothing was sent."""
        return self.values.get(name, "" if otherwise is None else str(otherwise)) if self.values else str(otherwise)

    def fault(self, name: str, message: str, **values: object) -> None:
        """Write down what is wrong with a field; the first word stands."""
        self.faults.setdefault(name, say(self._request, message, **values))

    def refused(self, error: NetbilldError, fields: Mapping[str, str] | None = None) -> None:
        """Write down what a service has refused, beside the field that its code is about."""
        self.faults.setdefault((fields or {}).get(error.code, WHOLE_FORM), refusal_said(self._request, error))

    def text(self, name: str, longest: int, *, is_needed: bool = True) -> str:
        """Return one line of text."""
        value = " ".join(self.values.get(name, "").split())
        if is_needed and not value:
            self.fault(name, N_("Write something here."))
        if len(value) > longest:
            self.fault(name, N_("At most %(most)s letters."), most=longest)
        return value[:longest]

    def amount(self, name: str, *, is_needed: bool = True, least_minor: int = 1) -> int | None:
        """Return an amount in minor units; None where nothing was typed and nothing is needed, or it is none."""
        value = self.values.get(name, "").strip()
        if not value and not is_needed:
            return None
        try:
            amount_minor = parse_amount(value, self._request.app[PANEL].parts.currency)
        except InvalidInputError:
            amount_minor = least_minor - 1
        if amount_minor < least_minor:
            self.fault(name, N_("Write the amount as a number above 0, such as 275000."))
            return None
        return amount_minor

    def day(self, name: str, *, is_needed: bool = False) -> date | None:
        """Return a day; None where nothing was typed, or it is none."""
        value = self.values.get(name, "").strip()
        if not value:
            if is_needed:
                self.fault(name, N_("Choose a day."))
            return None
        day = day_of(value)
        if day is None:
            self.fault(name, N_("Write the day as YYYY-MM-DD."))
        return day

    def whole(self, name: str, least: int, most: int, otherwise: int | None = None) -> int | None:
        """Return a whole number; `otherwise` where nothing was typed."""
        value = self.values.get(name, "").strip()
        if not value and otherwise is not None:
            return otherwise
        if not (value.isascii() and value.isdigit() and len(value) <= 12 and least <= int(value) <= most):
            self.fault(name, N_("Write a whole number from %(least)s to %(most)s."), least=least, most=most)
            return None
        return int(value)

    def choice(self, name: str, allowed: Mapping[str, object] | tuple[str, ...], otherwise: str = "") -> str:
        """Return one of some words."""
        value = self.values.get(name, otherwise)
        if value not in allowed:
            self.fault(name, N_("Choose one of these."))
        return value


async def typed(request: web.Request) -> Typed:
    """Return the form that a request brought."""
    return Typed(request, await read_form(request))


def day_of(text: str | None) -> date | None:
    """Return the day that a text is; None where it is none that anything here could be about."""
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return day if day is not None and _DAYS[0] <= day.year < _DAYS[1] else None
