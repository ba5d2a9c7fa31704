"""Refusals and faults to pages: the right status, one sentence of what to do, nothing of the inside."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError, StoreUnavailableError
from netbilld.panel.i18n import chosen_locale
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, Visit, begin_visit, page
from netbilld.panel.words import N_

logger = logging.getLogger("netbilld.panel")

_TITLES: Final = {
    400: N_("This request could not be understood"),
    401: N_("Please sign in"),
    403: N_("This is not open to your role"),
    404: N_("There is nothing here"),
    405: N_("This can't be done that way"),
    409: N_("This can't be done now"),
    413: N_("That is too large"),
    422: N_("Something in the form is not right"),
    500: N_("Something went wrong on our side"),
    503: N_("The database does not answer"),
}
_ADVICE: Final = {
    403: N_("Ask the main admin if you need it."),
    404: N_("It may have been removed, or the address was typed wrong."),
    500: N_("It is in the daemon's log. Try again; if it stays, tell the main admin."),
    503: N_("Subscribers stay online meanwhile; accounting is kept in the journal. Try again in a moment."),
}
_FORGED: Final = N_("This form is too old or did not come from this site. Open the page again and send it once more.")


@web.middleware
async def errors_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever a handler raises into a page in the reader's language."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or request.path.startswith(("/static/", "/live/", "/healthz", "/readyz", "/metrics")):
            raise
        forged = error.status == 403 and error.reason == "form"
        response = await _page(request, error.status, _FORGED if forged else None)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except NotFoundError as error:
        return await _page(request, 404, str(error), translate=False)
    except StoreUnavailableError:
        logger.exception("%s %s: the database does not answer", request.method, request.path)
        return await _page(request, 503)
    except InvalidInputError as error:
        return await _page(request, 422, str(error), translate=False)
    except (RefusedError, NetbilldError) as error:
        return await _page(request, 409, str(error), translate=False)
    except ConnectionResetError:
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return await _page(request, 500)


async def _page(
    request: web.Request, status: int, advice: str | None = None, *, translate: bool = True
) -> web.Response:
    panel = request.app[PANEL]
    if VISIT not in request:  # the fault came before anybody was recognised
        try:
            request[VISIT] = await begin_visit(request, panel)
        except NetbilldError:
            locale = chosen_locale(request, panel.parts.locale)
            request[VISIT] = Visit(locale, panel.parts.clock.now(), "", panel.perimeter.form_token(request))
    words = panel.renderer.catalogues[request[VISIT].locale]
    advice = advice or _ADVICE.get(status, "")
    context = {
        "status": status,
        "title": words.gettext(_TITLES.get(status, _TITLES[400])),
        "advice": words.gettext(advice) if translate and advice else advice,
    }
    return page(request, "error.html", context, status=status)
