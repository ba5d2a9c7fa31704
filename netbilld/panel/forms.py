"""What a form brought, as text of a sane length; nothing typed is lost when something is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError
from netbilld.panel.words import N_

_ONCE: Final = re.compile(r"[A-Za-z0-9_-]{20,64}\Z")
_LONGEST: Final = 1000

# refusals of services that people meet on these pages, by code
MESSAGES: Final[Mapping[str, str]] = {
    "wrong_current_password": N_("The current password is not right."),
    "email_taken": N_("That e-mail address belongs to somebody else."),
    "name_missing": N_("Write your name."),
    "wrong_password": N_("The old password is not right."),
    "reference_taken": N_("That reference belongs to another payment."),
    "session_ended": N_("That session has ended already."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one form of a page, and what had been typed."""

    form: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)


NO_PROBLEM: Final = Problem("", "")


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the text fields of a form; the first of each name, without the signs that break lines in a log."""
    form = await request.post()
    return {
        name: "".join(sign for sign in value if sign >= " " or sign == "\n").strip()[:_LONGEST]
        for name, value in form.items()
        if isinstance(value, str)
    }


def once_key(request_staff: str, form: Mapping[str, str]) -> str:
    """Return the idempotency key of a form that must act once, however often it is sent.

    Raises:
        InvalidInputError: the form has none, so it is not one of our pages'.
    """
    key = form.get("once", "")
    if not _ONCE.match(key):
        raise InvalidInputError("the form lacks its key", hint="open the page again")
    return f"panel:{request_staff}:{key}"
