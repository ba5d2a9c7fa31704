"""Forms with photos and long texts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

LARGEST_UPLOAD_OCTETS: Final = 40 * 1024 * 1024  # a few photos; each is measured by who keeps it
LONGEST_TEXT: Final = 10_000  # services say what is too long; nothing is cut off silently below that
MOST_FILES: Final = 6  # in one field; more are not even read


@asynccontextmanager
async def roomy(request: web.Request, largest_octets: int) -> AsyncIterator[web.Request]:
    """Give a request that may bring a larger body than others, with its form read; its files are closed afterwards.

    Raises:
        HTTPBadRequest: it is no form.
        HTTPRequestEntityTooLarge: it is larger than that, too.
    """
    larger = request.clone(client_max_size=largest_octets)
    try:
        form = await larger.post()
    except (ValueError, AssertionError, HttpProcessingError):  # not the encoding or the shape it claims
        raise web.HTTPBadRequest from None
    try:
        yield larger
    finally:  # aiohttp closes those of the request it made itself, and that is not this one
        for value in form.values():
            if isinstance(value, web.FileField):
                value.file.close()


async def photos_of(request: web.Request, field: str, most_octets: int) -> list[bytes]:
    """Return the files of a field that hold anything, each cut off just beyond what is allowed."""
    form = await request.post()
    found = []
    for value in form.getall(field, []):
        if isinstance(value, web.FileField):
            content = value.file.read(most_octets + 1)
            if content:
                found.append(content)
        if len(found) >= MOST_FILES:
            break
    return found


async def read_texts(request: web.Request) -> dict[str, str]:
    """Return the text fields of a form; the first of each name, without signs that are none."""
    form = await request.post()
    found: dict[str, str] = {}
    for name, value in form.items():
        if isinstance(value, str):
            cleaned = "".join(sign for sign in value if sign >= " " or sign in "\n\t")
            found.setdefault(name, cleaned.strip()[:LONGEST_TEXT])
    return found
