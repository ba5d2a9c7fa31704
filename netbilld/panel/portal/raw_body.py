"""The body of a call by a machine, as it came: its signature is of all of it."""

from aiohttp import web


async def raw_body(request: web.Request, largest_octets: int) -> bytes:
    """Return a body whole.

    Raises:
        HTTPRequestEntityTooLarge: it says that it is larger, or is.
    """
    size = request.content_length
    if size is not None and size > largest_octets:
        raise web.HTTPRequestEntityTooLarge(max_size=largest_octets, actual_size=size)
    body = bytearray()
    async for some in request.content.iter_any():
        body += some
        if len(body) > largest_octets:
            raise web.HTTPRequestEntityTooLarge(max_size=largest_octets, actual_size=len(body))
    return bytes(body)
