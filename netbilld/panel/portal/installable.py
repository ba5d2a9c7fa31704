"""What makes the portal a web app: its manifest, and a small worker that says so when there is no connection.

The worker keeps one page and its style sheet, nothing of anybody's: what is shown of a subscriber is always fetched.
"""

import json

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale

ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-512.png", "512x512", "maskable"),
)


async def manifest(request: web.Request) -> web.StreamResponse:
    """Answer GET /manifest.webmanifest (W3C Web Application Manifest)."""
    portal = request.app[PORTAL]
    language = locale(request)
    name = portal.parts.business_name
    described = {
        "name": name,
        "short_name": name[:12].strip(),
        "lang": language,
        "id": "/akun",
        "start_url": "/akun",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f3f5f7",
        "theme_color": "#0b6b6b",
        "icons": [
            {"src": portal.assets.url(file), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in ICONS
        ],
    }
    return web.Response(
        body=json.dumps(described, ensure_ascii=False).encode(),
        content_type="application/manifest+json",
        headers={"Cache-Control": "no-cache", "Vary": "Cookie, Accept-Language"},
    )


async def service_worker(request: web.Request) -> web.StreamResponse:
    """Answer GET /sw.js: from the root, so that it may answer for every page."""
    portal = request.app[PORTAL]
    script = portal.renderer.text(
        locale(request),
        "portal/sw.js",
        {"css": portal.assets.url("portal.css"), "icon": portal.assets.url("icon-192.png")},
    )
    return web.Response(
        text=script, content_type="text/javascript", charset="utf-8", headers={"Cache-Control": "no-cache"}
    )


async def offline(request: web.Request) -> web.StreamResponse:
    """Answer GET /luring: what the worker shows while there is no connection."""
    return request.app[PORTAL].renderer.page(locale(request), "portal/offline.html", {"refresh": None})
