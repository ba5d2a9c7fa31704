"""Finds web/ beside the package (a wheel) or in the checkout, and serves its static files, each under its own hash."""

import hashlib
import mimetypes
from pathlib import Path
from typing import Final

from aiohttp import web

from netbilld.model.errors import NetbilldError

_YEAR_SECONDS: Final = 365 * 24 * 3600
_PACKAGE: Final = Path(__file__).resolve().parent


def web_directory() -> Path:
    """Return the directory with templates, static files and catalogues.

    Raises:
        NetbilldError: neither place has it.
    """
    for place in (_PACKAGE / "web", _PACKAGE.parent.parent / "web"):
        if (place / "templates").is_dir():
            return place
    raise NetbilldError("the web pages' files are missing from this installation", hint="install netbilld again")


class Assets:
    """The static files as they were when the daemon started; a request can name one of these and nothing else."""

    def __init__(self, directory: Path) -> None:
        root = directory / "static"
        files = {
            path.relative_to(root).as_posix(): path
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
        self._files = files
        self._digests = {name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for name, path in files.items()}

    def url(self, name: str) -> str:
        """Return the URL of a file: it changes with the content, so it can be cached for a year.

        Raises:
            KeyError: there is no such file; `make run` and `make check` install those of other projects.
        """
        return f"/static/{self._digests[name]}/{name}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /static/{digest}/{name}; an old digest gets the file of today, cached by nobody."""
        name = request.match_info["name"]
        path = self._files.get(name)
        if path is None:
            raise web.HTTPNotFound
        current = request.match_info["digest"] == self._digests[name]
        kind = mimetypes.guess_type(path.name)[0] or "text/plain"
        return web.FileResponse(
            path,
            headers={
                "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
                "Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable" if current else "no-cache",
            },
        )
