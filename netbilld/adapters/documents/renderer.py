"""Draws documents off the event loop, and keeps what was drawn: the same document is drawn once."""

import asyncio
import contextlib
import hashlib
import os
from concurrent.futures import Executor
from pathlib import Path

from netbilld import __version__
from netbilld.adapters.documents.document_pdf import document_pdf
from netbilld.adapters.documents.fonts import FontFiles
from netbilld.services.printed_document import PrintedDocument


class Renderer:
    """Keeps PDF files in a directory, named by what they say; what can't be kept is drawn again."""

    def __init__(self, directory: Path, files: FontFiles, executor: Executor | None = None) -> None:
        """Take a directory to keep files in, fonts for other scripts, and where to draw; None: a thread."""
        self._directory, self._files, self._executor = directory, files, executor

    async def __call__(self, document: PrintedDocument) -> bytes:
        """Return a document as PDF."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, rendered, document, self._files, self._directory)


def rendered(document: PrintedDocument, files: FontFiles, directory: Path) -> bytes:
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
    return octets


def _digest(document: PrintedDocument, files: FontFiles) -> str:
    """Return a name for exactly this document, drawn by this release with this logo."""
    said = [__version__, repr(document), repr(files)]
    if document.head.logo is not None:
        with contextlib.suppress(OSError):
            seen = document.head.logo.stat()
            said.append(f"{seen.st_mtime_ns} {seen.st_size}")
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:40]
