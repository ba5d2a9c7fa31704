"""The body of a call by a machine, as it came: its signature is of all of it."""

import asyncio
from typing import Final

from aiohttp import web

BODY_SECONDS: Final = 30.0


async def raw_body(request: web.Request, largest_octets: int) -> bytes:
    """Return a body whole.

    Raises:
        HTTPRequestEntityTooLarge: it says that it is larger, or is.
        HTTPRequestTimeout: it is not here within half a minute.
    """
    size = request.content_length
    if size is not None and size > largest_octets:
        raise web.HTTPRequestEntityTooLarge(max_size=largest_octets, actual_size=size)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for some in request.content.iter_any():
                body += some
                if len(body) > largest_octets:
                    raise web.HTTPRequestEntityTooLarge(max_size=largest_octets, actual_size=len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(body)
