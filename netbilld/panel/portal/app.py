"""The portal as an aiohttp application on a port of its own."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from netbilld.model.errors import StoreUnavailableError
from netbilld.panel.assets import Assets, web_directory
from netbilld.panel.portal.canonical import Canonical, OncePerClient, elsewhere
from netbilld.panel.portal.parts import PORTAL, Portal, PortalParts
from netbilld.panel.portal.routes import PORTAL_ROUTES
from netbilld.panel.portal.visitor import locale
from netbilld.panel.rendering import Renderer
from netbilld.panel.security import Perimeter, put_headers
from netbilld.services.login_codes import LoginCodes
from netbilld.services.recognise import Recognise
from netbilld.services.show_account import ShowAccount
from netbilld.services.sign_in_subscriber import REALM, SignInSubscriber
from netbilld.services.verify_document import VerifyDocument

LARGEST_BODY_OCTETS: Final = 16 * 1024
LONGEST_LINE_OCTETS: Final = 4096
_OWN_TREES: Final = (
    "/akun",
    "/bayar",
    "/beli",
    "/hook",
    "/static/",
)  # where a path that is not there is missing rather than foreign

_log: Final = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_portal(parts: PortalParts) -> web.Application:
    """Return the portal, ready to be run; see portal_runner."""
    directory = web_directory()
    assets = Assets(directory)
    app = web.Application(middlewares=[_gate(), _faults], client_max_size=LARGEST_BODY_OCTETS)
    app[PORTAL] = Portal(
        parts=parts,
        perimeter=Perimeter(REALM, parts.trusted_proxies, parts.entropy),
        canonical=Canonical(parts.public_url),
        renderer=Renderer(
            directory,
            assets,
            timezone=parts.timezone,
            currency=parts.currency,
            business_name=parts.business_name,
            everywhere={"pays_here": parts.pay is not None and parts.pay.is_offered},
        ),
        assets=assets,
        recognise=Recognise(parts.store),
        show=ShowAccount(parts.store, parts.taxes),
        sign_in=SignInSubscriber(parts.store, parts.box, parts.entropy, parts.lifetime),
        codes=LoginCodes(parts.store, parts.box, parts.entropy, parts.lifetime),
        verify=VerifyDocument(parts.store, parts.box),
    )
    for route in PORTAL_ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    app.router.add_get("/static/{digest}/{name:.+}", assets.handle)
    app.on_response_prepare.append(put_headers)
    return app


def portal_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """Return the runner: no line a request in the log, short lines, and no long wait for an idle or unread client."""
    return web.AppRunner(
        app,
        access_log=None,
        max_line_size=LONGEST_LINE_OCTETS,
        max_field_size=LONGEST_LINE_OCTETS,
        keepalive_timeout=15,
        lingering_time=1,
        **options,
    )


def _gate() -> Any:
    """Return the middleware that sends away what is not ours, before anything is read or looked up."""
    once = OncePerClient()

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        portal = request.app[PORTAL]
        if request.path.startswith("/hook/"):  # a gateway follows no redirect, whatever name it knows us by
            return await handler(request)
        missing = request.match_info.http_exception
        own_path = missing is None or missing.status == web.HTTPMethodNotAllowed.status_code
        if not portal.canonical.is_ours(request) or not (own_path or request.path.startswith(_OWN_TREES)):
            client = portal.perimeter.source(request)
            if once.may(client, time.monotonic()):
                _log.info("portal: redirected a request for another host or path", extra={"SOURCE": client})
            return elsewhere(portal.canonical.url(request, "/isolir"), portal.parts.captive_status)
        if request.method == "OPTIONS":
            return web.Response(headers={"Allow": "GET, HEAD, POST, OPTIONS", "Cache-Control": "no-store"})
        return await handler(request)

    return gate


@web.middleware
async def _faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals and faults into pages that say nothing about what is inside."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        return _fault_page(request, error.status)
    except StoreUnavailableError as error:
        _log.warning("portal: %s", error, extra={"CODE": error.code})
        return _fault_page(request, web.HTTPServiceUnavailable.status_code)
    except ConnectionResetError:  # the reader is gone
        raise
    except Exception:  # noqa: BLE001 - the edge: whatever failed, the reader gets a page and the log its trace
        _log.exception("portal: a page failed")
        return _fault_page(request, web.HTTPInternalServerError.status_code)


def _fault_page(request: web.Request, status: int) -> web.Response:
    page = request.app[PORTAL].renderer.page
    return page(locale(request), "portal/fault.html", {"status": status, "refresh": None}, status=status)
