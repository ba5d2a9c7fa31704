"""The use cases of subscribers' pages, where they are offered."""

from aiohttp import web

from netbilld.panel.parts import PANEL
from netbilld.panel.people_parts import PeopleParts


def people(request: web.Request) -> PeopleParts:
    """Return what these pages work with; where a panel has none of it, they are not there."""
    parts = request.app[PANEL].parts.people
    if parts is None:
        raise web.HTTPNotFound
    return parts
