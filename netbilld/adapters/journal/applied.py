"""How far a journal is applied, noted beside it now and then: a hint for while the database can't be asked."""

import os
from pathlib import Path
from typing import Final

from netbilld.accounting.entry import JournalCursor

_NAME: Final = "applied"


def note_applied(directory: Path, cursor: JournalCursor) -> None:
    """Note it; one that is lost in a crash was only a hint.

    Raises:
        OSError: the disk is full or fails.
    """
    unfinished = directory / f"{_NAME}.unfinished"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{cursor.segment} {cursor.position} {cursor.sequence}\n")
    unfinished.rename(directory / _NAME)


def read_applied(directory: Path) -> JournalCursor | None:
    """Return what was noted last; None where nothing was, or it can't be read."""
    try:
        segment, position, sequence = (directory / _NAME).read_text("ascii").split()
        return JournalCursor(int(segment), int(position), int(sequence))
    except (OSError, ValueError):
        return None
