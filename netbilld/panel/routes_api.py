"""Routes of the pages about programs: their tokens, what they are told, and what the API says of itself."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.api.endpoint import PREFIX
from netbilld.panel.route import ID, Route
from netbilld.panel.staff import api_docs, tokens, webhooks
from netbilld.panel.visit import Public
from netbilld.panel.within import Within

_WEBHOOK: Final = f"/webhooks/{{webhook:{ID}}}"

API_ROUTES: Final = (
    Route("GET", f"{PREFIX}/docs", Public.VISITOR, api_docs.show, within=Within.ANYWHERE),
    Route("GET", "/tokens", Permission.MANAGE_STAFF, tokens.show_list),
    Route("GET", "/tokens/add", Permission.MANAGE_STAFF, tokens.show_add),
    Route("POST", "/tokens", Permission.MANAGE_STAFF, tokens.add),
    Route("POST", f"/tokens/{{token:{ID}}}/revoke", Permission.MANAGE_STAFF, tokens.revoke),
    Route("GET", "/webhooks", Permission.MANAGE_STAFF, webhooks.show_list),
    Route("GET", "/webhooks/add", Permission.MANAGE_STAFF, webhooks.show_add),
    Route("POST", "/webhooks", Permission.MANAGE_STAFF, webhooks.add),
    Route("GET", _WEBHOOK, Permission.MANAGE_STAFF, webhooks.show),
    Route("POST", f"{_WEBHOOK}/switch", Permission.MANAGE_STAFF, webhooks.switch),
    Route("POST", f"{_WEBHOOK}/ping", Permission.MANAGE_STAFF, webhooks.ping),
    Route("POST", _WEBHOOK + r"/deliveries/{id:\d{1,18}}/replay", Permission.MANAGE_STAFF, webhooks.replay),
    Route("GET", f"{_WEBHOOK}/remove", Permission.MANAGE_STAFF, webhooks.ask_remove),
    Route("POST", f"{_WEBHOOK}/remove", Permission.MANAGE_STAFF, webhooks.remove),
)
