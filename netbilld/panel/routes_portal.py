"""The part of the panel's URL map that is about what subscribers ask for on the portal."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import Route
from netbilld.panel.staff import own_requests

_REQUEST: Final = r"/requests/{request:[0-9a-f]{8}-[0-9a-f-]{27}}"

PORTAL_REQUEST_ROUTES: Final = (
    Route("GET", "/requests", Permission.VIEW_SUBSCRIBERS, own_requests.show),
    Route("POST", _REQUEST + "/end", Permission.EDIT_SUBSCRIBERS, own_requests.end),
)
