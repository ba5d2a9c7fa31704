"""The panel as an aiohttp application."""

import logging
from datetime import timedelta

from aiohttp import web

from netbilld.panel.api.app import create_api
from netbilld.panel.api.endpoint import PREFIX
from netbilld.panel.assets import Assets, web_directory
from netbilld.panel.errors import errors_middleware
from netbilld.panel.live import LIVE, LiveFeed, close_streams
from netbilld.panel.parts import PANEL, Panel, PanelParts
from netbilld.panel.rendering import Renderer
from netbilld.panel.routes import add_routes
from netbilld.panel.security import LARGEST_BODY_OCTETS, Perimeter, put_headers
from netbilld.panel.status import STATUS, Status
from netbilld.services.sign_in import HALF_REALM, Lockout, SignIn

logger = logging.getLogger("netbilld.panel")


def create_panel(parts: PanelParts) -> web.Application:
    """Return the panel; the caller binds it to a host and port.

    Raises:
        NetbilldError: the web pages' files are missing.
    """
    directory = web_directory()
    assets = Assets(directory)
    renderer = Renderer(
        directory, assets, timezone=parts.timezone, currency=parts.currency, business_name=parts.business_name
    )
    app = web.Application(middlewares=[errors_middleware], client_max_size=LARGEST_BODY_OCTETS, logger=logger)
    perimeter = Perimeter("panel", parts.trusted_proxies, parts.entropy)
    app[PANEL] = Panel(
        parts=parts,
        renderer=renderer,
        assets=assets,
        perimeter=perimeter,
        sign_in=SignIn(
            parts.database,
            parts.passwords,
            parts.entropy,
            timedelta(hours=parts.session_hours),
            None if parts.security is None else parts.security.second_factor,
            one_at_a_time=parts.security is not None and parts.security.one_login,
        ),
        password_lockout=Lockout(parts.database, "panel-password"),
        code_lockout=Lockout(parts.database, HALF_REALM),
    )
    app[STATUS] = Status(parts.health, parts.metrics)
    app[LIVE] = LiveFeed(parts.database, parts.clock)
    app.on_response_prepare.append(put_headers)
    app.on_shutdown.append(close_streams)
    add_routes(app, assets)
    if parts.api is not None:
        app.add_subapp(PREFIX, create_api(parts.api, perimeter))
    return app
