"""Bring the catalogues of web/locales up to date with the messages in templates and code; translations are kept.

Run it after adding or changing a message; a test tells when it was forgotten or a translation is missing.
"""
# ruff: noqa: INP001 - a script that stands alone

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "web" / "locales"
PLURALS = {"id": "nplurals=1; plural=0;", "en": "nplurals=2; plural=(n != 1);"}
KEYWORDS = {"_": None, "N_": None, "say": (2,), "gettext": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Return every message of the web pages, in order of where it stands."""
    catalogue = Catalog()
    for directory, methods in (
        (ROOT / "web" / "templates", [("**.html", "jinja2")]),
        (ROOT / "netbilld" / "panel", [("**.py", "python")]),
    ):
        options = {
            "**.html": {"extensions": "jinja2.ext.do", "newstyle_gettext": "true", "trimmed": "true", "silent": "false"}
        }
        found = extract_from_dir(directory, methods, options, KEYWORDS)
        for name, _line, message, _comments, _context in sorted(found, key=lambda item: (item[0], item[1])):
            # places without line numbers: a catalogue changes only when a message does
            catalogue.add(message, None, [((directory / name).relative_to(ROOT).as_posix(), 0)])
    return catalogue


def updated(locale: str, wanted: Catalog) -> Catalog:
    """Return the catalogue of a locale with exactly the wanted messages, translated as far as they were."""
    with (LOCALES / locale / "messages.po").open("rb") as source:
        known = read_po(source, locale=locale)
    result = read_po(io.BytesIO(head_of(locale).encode()), locale=locale)
    for message in wanted:
        if message.id:
            before = known.get(message.id[0] if isinstance(message.id, tuple) else message.id)
            result.add(message.id, before.string if before else None, message.locations)
    return result


def text_of(catalogue: Catalog) -> str:
    """Return a catalogue as it is kept: no dates and tool names, which would differ with every run."""
    output = io.BytesIO()
    write_po(output, catalogue, width=120, omit_header=True, include_lineno=False)
    return f"{head_of(str(catalogue.locale_identifier))}\n{output.getvalue().decode()}"


def head_of(locale: str) -> str:
    """Return the head of a catalogue; Indonesian has no plural."""
    return (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Language: {locale}\\n"\n"Plural-Forms: {PLURALS[locale]}\\n"\n'
    )


def main() -> None:
    """Rewrite each catalogue."""
    wanted = extracted()
    for path in sorted(LOCALES.glob("*/messages.po")):
        path.write_text(text_of(updated(path.parent.name, wanted)), "utf-8")


if __name__ == "__main__":
    main()
