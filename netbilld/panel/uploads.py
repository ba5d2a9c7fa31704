"""Forms with photos."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from netbilld.panel.security import form_of

LARGEST_UPLOAD_OCTETS: Final = 40 * 1024 * 1024  # a few photos; each is measured by who keeps it
MOST_FILES: Final = 6  # in one field; more are not even read


@asynccontextmanager
async def roomy(
    request: web.Request, largest_octets: int, longest_seconds: float | None = None
) -> AsyncIterator[web.Request]:
    """Give a request that may bring a larger body than others, with its form read; its files are closed afterwards.

    Raises:
        HTTPBadRequest: it is no form.
        HTTPRequestTimeout: it took longer to come.
        HTTPRequestEntityTooLarge: it is larger than that, too.
    """
    larger = request.clone(client_max_size=largest_octets)
    form = await form_of(larger, longest_seconds)
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
