"""Which letters a page is set in: Helvetica, which every reader has, or a TrueType font for other scripts.

Helvetica covers Windows-1252, so Indonesian and English. A text with other letters is set in the font that the settings
name, else in DejaVu Sans where the system has it; without either its accents are taken off, and what remains unknown is
a question mark. A document so always comes out, and never with the wrong letter.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from netbilld.model.errors import InvalidInputError

_SYSTEM: Final = (Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/dejavu"))  # Debian, others
_REGULAR: Final = "DejaVuSans.ttf"
_BOLD: Final = "DejaVuSans-Bold.ttf"
_LATIN: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class FontFiles:
    """TrueType files for what Helvetica has no letters for; None looks for the system's."""

    regular: Path | None = None
    bold: Path | None = None


@dataclass(frozen=True, slots=True)
class Fonts:
    """Names of fonts that a canvas knows, and what they can show."""

    regular: str
    bold: str
    covers_latin_only: bool

    def shown(self, text: str) -> str:
        """Return a text in letters that these fonts have."""
        if not self.covers_latin_only or _is_latin(text):
            return text
        return "".join(_nearest(letter) for letter in text)


HELVETICA: Final = Fonts("Helvetica", "Helvetica-Bold", covers_latin_only=True)


def fonts_for(texts: Iterable[str], files: FontFiles) -> Fonts:
    """Return the fonts for a document with these texts.

    Raises:
        InvalidInputError: a file that the settings name is no TrueType font.
    """
    if all(_is_latin(text) for text in texts):
        return HELVETICA
    if files.regular is not None:
        return _registered(files.regular, files.bold or files.regular)
    for directory in _SYSTEM:
        if (directory / _REGULAR).is_file() and (directory / _BOLD).is_file():
            return _registered(directory / _REGULAR, directory / _BOLD)
    return HELVETICA


@lru_cache(maxsize=8)
def _registered(regular: Path, bold: Path) -> Fonts:
    names = []
    for path in (regular, bold):
        try:
            font = TTFont(f"netbilld:{path}", str(path))
        except (TTFError, OSError) as error:
            raise InvalidInputError(f"{path} is no TrueType font: {error}", hint="settings: documents.font") from None
        pdfmetrics.registerFont(font)
        names.append(font.fontName)
    return Fonts(names[0], names[1], covers_latin_only=False)


def _is_latin(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode(_LATIN)
    except UnicodeEncodeError:
        return False
    return True


def _nearest(letter: str) -> str:
    if _is_latin(letter):
        return letter
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and _is_latin(bare) else "?"
