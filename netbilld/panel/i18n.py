"""Two languages from gettext catalogues that are read as they are, without a compile step."""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from aiohttp import web
from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALES: Final = ("id", "en")
LANGUAGE_COOKIE: Final = "netbilld_language"
_LONGEST_HEADER: Final = 200


@cache
def load_catalogues(directory: Path) -> Mapping[str, Translations]:
    """Return the translations of each locale from `directory`/LOCALE/messages.po; read once in a process."""
    found = {}
    for locale in LOCALES:
        compiled = BytesIO()
        with (directory / locale / "messages.po").open("rb") as source:
            write_mo(compiled, read_po(source, locale=locale))
        compiled.seek(0)
        found[locale] = Translations(compiled)
    return found


def chosen_locale(request: web.Request, default: str, *, preferred: str | None = None) -> str:
    """Return the language to answer in.

    What was picked on a page comes first, then what the person's own record says, then what the browser asks for, then
    the default of the settings.
    """
    for wanted in (request.cookies.get(LANGUAGE_COOKIE), preferred):
        if wanted in LOCALES:
            return str(wanted)
    return _negotiated(request.headers.get("Accept-Language", "")) or default


def _negotiated(header: str) -> str | None:
    weighted: list[tuple[float, str]] = []
    for part in header[:_LONGEST_HEADER].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            weighted.append((-weight, tag.partition("-")[0].lower()))
    tags = [tag for _, tag in sorted(weighted, key=lambda item: item[0])]
    return negotiate_locale(tags, LOCALES) if tags else None
