"""The panel's URL map: each route with what it is open to."""

from typing import Final

from aiohttp import web

from netbilld.model.permissions import Permission
from netbilld.panel import status
from netbilld.panel.assets import Assets
from netbilld.panel.route import ID, SERVICE, SUBSCRIBER, Route
from netbilld.panel.routes_api import API_ROUTES
from netbilld.panel.routes_autopay import AUTOPAY_ROUTES
from netbilld.panel.routes_chats import CHAT_ROUTES
from netbilld.panel.routes_complaints import COMPLAINT_ROUTES
from netbilld.panel.routes_gateways import GATEWAY_ROUTES
from netbilld.panel.routes_messages import MESSAGE_ROUTES
from netbilld.panel.routes_money import MONEY_ROUTES
from netbilld.panel.routes_people import ROUTES_PEOPLE
from netbilld.panel.routes_portal import PORTAL_REQUEST_ROUTES
from netbilld.panel.routes_selling import SELLING_ROUTES
from netbilld.panel.routes_staff import STAFF_ROUTES
from netbilld.panel.staff import (
    brake,
    doubts,
    enforcement,
    logins,
    nas_doctor,
    network,
    nodes,
    overview,
    plans,
    pools,
    replace_nas,
    sessions,
    subscribers,
    traffic,
)
from netbilld.panel.visit import REACHABLE, Public, guarded
from netbilld.panel.within import Within

_POOL: Final = f"/pools/{{pool:{ID}}}"

ROUTES: Final[tuple[Route, ...]] = (
    *STAFF_ROUTES,
    *COMPLAINT_ROUTES,
    *API_ROUTES,
    Route("GET", "/", Public.STAFF, overview.show, within=Within.AREAS),
    Route("GET", "/live/overview", Public.STAFF, overview.live, within=Within.AREAS),
    Route("GET", "/data/throughput", Permission.VIEW_USAGE, overview.throughput),
    *ROUTES_PEOPLE,
    Route("GET", SUBSCRIBER, Permission.VIEW_SUBSCRIBERS, subscribers.show),
    Route("GET", "/live" + SUBSCRIBER, Permission.VIEW_USAGE, subscribers.live),
    Route("POST", SUBSCRIBER + "/payments", Permission.RECORD_PAYMENTS, subscribers.pay),
    Route("POST", SERVICE + "/suspend", Permission.EDIT_SUBSCRIBERS, subscribers.suspend),
    Route("POST", SERVICE + "/resume", Permission.EDIT_SUBSCRIBERS, subscribers.resume),
    Route("POST", SERVICE + "/forget-lock", Permission.EDIT_SUBSCRIBERS, subscribers.forget_lock),
    *MONEY_ROUTES,
    *GATEWAY_ROUTES,
    *AUTOPAY_ROUTES,
    *PORTAL_REQUEST_ROUTES,
    *SELLING_ROUTES,
    *MESSAGE_ROUTES,
    *CHAT_ROUTES,
    Route("GET", SUBSCRIBER + "/usage", Permission.VIEW_USAGE, traffic.show_subscriber),
    Route("GET", SUBSCRIBER + "/usage.csv", Permission.VIEW_USAGE, traffic.export_subscriber),
    Route("GET", SUBSCRIBER + "/usage.xlsx", Permission.VIEW_USAGE, traffic.export_subscriber),
    Route("GET", "/usage", Permission.VIEW_USAGE, traffic.show),
    Route("GET", "/usage/top.csv", Permission.VIEW_USAGE, traffic.export_top),
    Route("GET", "/usage/top.xlsx", Permission.VIEW_USAGE, traffic.export_top),
    Route("GET", "/data/usage", Permission.VIEW_USAGE, traffic.data, within=Within.AREAS),
    Route("GET", "/sessions/held", Permission.VIEW_USAGE, traffic.show_held),
    Route("GET", "/sessions", Permission.VIEW_USAGE, sessions.show, within=Within.AREAS),
    Route("GET", "/live/sessions", Permission.VIEW_USAGE, sessions.live, within=Within.AREAS),
    Route("POST", r"/sessions/{id:\d{1,18}}/disconnect", Permission.CONTROL_SESSIONS, sessions.disconnect),
    Route("GET", "/doubts", Permission.VIEW_USAGE, doubts.show),
    Route("POST", r"/doubts/{id:\d{1,18}}/accept", Permission.EDIT_MONEY, doubts.accept),
    Route("POST", r"/doubts/{id:\d{1,18}}/reject", Permission.EDIT_MONEY, doubts.reject),
    Route("GET", "/logins", Permission.VIEW_USAGE, logins.show, within=Within.AREAS),
    Route("GET", "/live/logins", Permission.VIEW_USAGE, logins.live, within=Within.AREAS),
    Route("GET", "/explain", Permission.VIEW_USAGE, logins.explain, within=Within.AREAS),
    Route("GET", "/enforcement", Permission.VIEW_USAGE, enforcement.show),
    Route("GET", "/live/enforcement", Permission.VIEW_USAGE, enforcement.live),
    Route("POST", "/enforcement/retry", Permission.CONTROL_SESSIONS, enforcement.retry),
    Route("POST", "/enforcement/brake/release", Permission.EDIT_MONEY, brake.release),
    Route("POST", "/enforcement/brake/hold", Permission.EDIT_MONEY, brake.hold),
    Route("GET", "/plans", Permission.VIEW_PLANS, plans.show_list, within=Within.ANYWHERE),
    Route("GET", "/plans/{code}", Permission.VIEW_PLANS, plans.show, within=Within.ANYWHERE),
    Route("GET", "/nas", Permission.VIEW_NETWORK, network.show_list),
    Route("GET", "/live/nas", Permission.VIEW_NETWORK, network.live),
    Route("GET", "/nas/{name}", Permission.VIEW_NETWORK, network.show),
    Route("GET", "/nas/{name}/doctor", Permission.VIEW_NETWORK, nas_doctor.show),
    Route("POST", "/nas/{name}/doctor", Permission.EDIT_NETWORK, nas_doctor.examine),
    Route("GET", "/live/nas/{name}/doctor", Permission.VIEW_NETWORK, nas_doctor.live),
    Route("GET", "/live/nas/{name}", Permission.VIEW_NETWORK, network.live_one),
    Route("GET", "/nas/{name}/replace", Permission.EDIT_NETWORK, replace_nas.ask),
    Route("POST", "/nas/{name}/replace", Permission.EDIT_NETWORK, replace_nas.replace),
    Route("GET", "/nodes", Permission.VIEW_NETWORK, nodes.show),
    Route("GET", "/live/nodes", Permission.VIEW_NETWORK, nodes.live),
    Route("GET", "/pools", Permission.VIEW_NETWORK, pools.show_list),
    Route("GET", "/live/pools", Permission.VIEW_NETWORK, pools.live),
    Route("GET", "/pools/add", Permission.EDIT_NETWORK, pools.show_add),
    Route("POST", "/pools", Permission.EDIT_NETWORK, pools.add),
    Route("GET", _POOL, Permission.VIEW_NETWORK, pools.show),
    Route("POST", _POOL, Permission.EDIT_NETWORK, pools.change),
    Route("GET", _POOL + "/release", Permission.EDIT_NETWORK, pools.ask_release),
    Route("POST", _POOL + "/release", Permission.EDIT_NETWORK, pools.release),
    Route("GET", _POOL + "/remove", Permission.EDIT_NETWORK, pools.ask_remove),
    Route("POST", _POOL + "/remove", Permission.EDIT_NETWORK, pools.remove),
    Route("GET", "/healthz", Public.ANYBODY, status.healthz),
    Route("GET", "/readyz", Public.ANYBODY, status.readyz),
    Route("GET", "/metrics", Public.ANYBODY, status.metrics),
)


def add_routes(app: web.Application, assets: Assets) -> None:
    """Register every route behind its guard."""
    app[REACHABLE] = frozenset(
        route.path for route in ROUTES if route.method == "GET" and route.reach is not Within.NOWHERE
    )
    for route in ROUTES:
        app.router.add_route(
            route.method, route.path, guarded(route.handler, route.access, route.largest_octets, route.reach)
        )
    app.router.add_get("/static/{digest}/{name:.+}", guarded(assets.handle, Public.ANYBODY))
