"""Draws documents off the event loop, and keeps what was drawn for a while: the same document is drawn once."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

from netbilld import __version__
from netbilld.adapters.documents.document_pdf import document_pdf, documents_pdf
from netbilld.adapters.documents.fonts import FontFiles
from netbilld.services.printed_document import PrintedDocument

DAY_SECONDS: Final = 86_400
_SWEPT: Final = ".swept"  # touched when old files were last looked for


class Renderer:
    """Keeps PDF files in a directory, named by what they say; what can't be kept is drawn again."""

    def __init__(
        self, directory: Path, files: FontFiles, executor: Executor | None = None, *, keep_days: int = 30
    ) -> None:
        """Take where and how long to keep files, fonts for other scripts, and where to draw; None: a thread."""
        self._directory, self._files, self._executor, self._keep_days = directory, files, executor, keep_days

    async def __call__(self, document: PrintedDocument) -> bytes:
        """Return a document as PDF."""
        loop = asyncio.get_running_loop()
        arguments = (document, self._files, self._directory, self._keep_days)
        return await loop.run_in_executor(self._executor, rendered, *arguments)

    async def together(self, documents: Sequence[PrintedDocument], executor: Executor | None) -> bytes:
        """Return some documents as one PDF, which is not kept; drawn by `executor`, or as single ones are."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor or self._executor, documents_pdf, documents, self._files)


def rendered(document: PrintedDocument, files: FontFiles, directory: Path, keep_days: int = 30) -> bytes:
    """Return a document as PDF, from its file where it was drawn before; for a thread or process."""
    path = directory / f"{_digest(document, files)}.pdf"
    with contextlib.suppress(OSError):
        return path.read_bytes()
    octets = document_pdf(document, files)
    with contextlib.suppress(OSError):  # a full or read-only disk keeps nobody from an invoice
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        unfinished.write_bytes(octets)
        unfinished.chmod(0o600)
        unfinished.replace(path)
        _sweep(directory, path.stat().st_mtime, keep_days)
    return octets


def _sweep(directory: Path, now_seconds: float, keep_days: int) -> None:
    """Delete what was drawn more than so many days before `now_seconds`, the disk's own clock; looks once a day."""
    mark = directory / _SWEPT
    if mark.exists() and now_seconds - mark.stat().st_mtime < DAY_SECONDS:
        return
    mark.touch()
    for path in directory.iterdir():
        if path.name != _SWEPT and now_seconds - path.stat().st_mtime > keep_days * DAY_SECONDS:
            path.unlink(missing_ok=True)


def _digest(document: PrintedDocument, files: FontFiles) -> str:
    """Return a name for exactly this document, drawn by this release with this logo."""
    said = [__version__, repr(document), repr(files)]
    if document.head.logo is not None:
        with contextlib.suppress(OSError):
            seen = document.head.logo.stat()
            said.append(f"{seen.st_mtime_ns} {seen.st_size}")
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:40]
