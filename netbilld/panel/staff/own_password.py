"""Guesses at one's own password or code are counted: whoever finds a browser signed in has few of them."""

from aiohttp import web

from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, say
from netbilld.panel.words import N_
from netbilld.services.sign_in import Lockout


async def locked(request: web.Request, lockout: Lockout) -> str:
    """Count a guess; return what to say where there were too many, nothing where it may be judged."""
    panel, visit = request.app[PANEL], request[VISIT]
    until_at = await lockout.begin(str(visit.person.id), visit.source, visit.now)
    if until_at is None:
        return ""
    until = panel.renderer.writers[visit.locale].clock(until_at)
    return say(request, N_("Too many attempts. Try again at %(time)s."), time=until)
