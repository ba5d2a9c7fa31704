"""What the fields of a subscriber's forms may hold, said beside each in the reader's language."""

from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.model.units import parse_amount, parse_rate_bps
from netbilld.panel.forms import MESSAGES, Problem
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, say
from netbilld.panel.words import N_
from netbilld.services.fixed_addresses import parse_fixed_prefix
from netbilld.services.subscriber_fields import (
    LONGEST_NAME,
    check_password,
    clean_text,
    optional_email,
    optional_phone,
    parse_billing_day,
    parse_day,
    parse_mac,
    parse_static_ip,
    parse_username,
)

_CHECKS: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "name": (lambda text: clean_text("name", text, LONGEST_NAME), N_("Write a name of one line.")),
    "phone": (optional_phone, N_("Write it as 0812…, 021… or +62…, with all its digits.")),
    "email": (optional_email, N_("Write it as name@example.org.")),
    "username": (parse_username, N_("A user name has no spaces around it and at most 253 characters.")),
    "password": (check_password, N_("A password has no line breaks and at most 128 characters.")),
    "mac": (parse_mac, N_("Write a MAC address as AA:BB:CC:DD:EE:FF.")),
    "ip": (parse_static_ip, N_("Write an address such as 10.20.0.7 or 2001:db8::7 that a subscriber can have.")),
    "ipv6_prefix": (lambda text: parse_fixed_prefix("prefix", text), N_("Write a prefix as 2001:db8:5::/64.")),
    "delegated_prefix": (lambda text: parse_fixed_prefix("prefix", text), N_("Write a prefix as 2001:db8:5::/56.")),
    "billing_day": (parse_billing_day, N_("Write a day from 1 to 31.")),
    "active_until": (lambda text: parse_day("day", text), N_("Write the day as YYYY-MM-DD.")),
    "from": (lambda text: parse_day("day", text), N_("Write the day as YYYY-MM-DD.")),
    "until": (lambda text: parse_day("day", text), N_("Write the day as YYYY-MM-DD.")),
    "speed": (lambda text: [parse_rate_bps(part) for part in text.split("/", 1)], N_("Write it as 20M/10M.")),
}

_NO_AMOUNT: Final = N_("Write the amount as a number, such as 275000.")

# refusals that are about one field, by their code: the field, and what to say
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "name_taken": ("username", N_("Somebody has that name already; letter case does not count.")),
    "address_taken": ("ip", N_("Another service has that address, or a part of it.")),
    "overlap": ("ip", N_("That address is in a pool, which would give it to others. Reserve it in the pool first.")),
    "not_sold_to": ("plan", N_("That plan is sold to other groups or areas.")),
    "day_over": ("starts", N_("That day is over.")),
    "bad_price": ("price", _NO_AMOUNT),
    "note_empty": ("text", N_("Write something.")),
    "bad_file": ("file", N_("This is no PNG, JPEG or PDF, whatever its name says.")),
    "file_too_large": ("file", N_("The file is larger than %(most)s MiB.")),
    "file_empty": ("file", N_("The file is empty.")),
}

_WHOLE: Final[Mapping[str, str]] = {
    "stale": N_("%(actor)s has changed this record meanwhile. Compare what is new, and send it again."),
    "terminated": N_("That service has ended."),
    "too_many": N_("That is more than %(most)s services at once."),
    "nothing_to_do": N_("Nothing would change for any of them."),
    "many_files": N_("%(most)s files are kept already. Remove one first."),
    "nothing_owed": N_("Nothing is owed."),
    "too_many_promises": N_("There were too many promises for this debt already."),
    "promise_too_long": N_("That day is too far away for a promise."),
    "bad_date": N_("That day is over."),
    "no_credit": N_("The wallet does not cover it. Record a payment first."),
}
_SOME_MISSING: Final = N_("Fill in what is missing.")
_MISSING: Final = N_("This is needed.")


def faults_of(request: web.Request, form: Mapping[str, str], needed: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what is wrong with single fields of a form, by name; an empty field is right unless it is needed."""
    found = {}
    for name, value in form.items():
        check = _CHECKS.get(name)
        if check is None or not value.strip():
            continue
        try:
            check[0](value)
        except InvalidInputError:
            found[name] = say(request, check[1])
    if price := form.get("price", "").strip():
        try:
            parse_amount(price, request.app[PANEL].parts.currency)
        except InvalidInputError:
            found["price"] = say(request, _NO_AMOUNT)
    return found | {name: say(request, _MISSING) for name in needed if not form.get(name, "").strip()}


def problem_of(request: web.Request, name: str, form: Mapping[str, str], error: NetbilldError) -> Problem:
    """Return a refusal as a page shows it: beside the field that it is about, else above the form."""
    kept = kept_of(form)
    if error.code == "needed":
        field = str(error.values.get("field", ""))
        return Problem(name, say(request, _SOME_MISSING), kept, {field: say(request, _MISSING)})
    if error.code in _REFUSALS:
        field, message = _REFUSALS[error.code]
        field = str(error.values.get("field", field))
        text = say(request, message, **error.values) if error.values else say(request, message)
        return Problem(name, text, kept, {field: text})
    values = dict(error.values)
    if error.code == "stale":
        values["at"] = ""
    if error.code in _WHOLE:
        return Problem(name, say(request, _WHOLE[error.code], **values), kept)
    if error.code in MESSAGES and (values or "%(" not in MESSAGES[error.code]):
        return Problem(name, say(request, MESSAGES[error.code], **values), kept)
    return Problem(name, str(error), kept)


def problem_with(request: web.Request, name: str, form: Mapping[str, str], faults: Mapping[str, str]) -> Problem:
    """Return what is wrong with the fields of a form."""
    return Problem(name, say(request, N_("Look at the marked fields.")), kept_of(form), faults)


def kept_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed, to be shown again; a password is typed again."""
    return {name: value for name, value in form.items() if name not in {"csrf", "password"}}


def outside(request: web.Request, area: str | None) -> bool:
    """Tell whether an area is none that the visitor may put a subscriber into."""
    return not request[VISIT].areas.include(area or None)
