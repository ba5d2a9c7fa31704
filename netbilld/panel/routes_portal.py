"""The part of the panel's URL map that is about what subscribers ask for on the portal."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import ID, Route
from netbilld.panel.staff import own_requests

_REQUEST: Final = f"/requests/{{request:{ID}}}"

PORTAL_REQUEST_ROUTES: Final = (
    Route("GET", "/requests", Permission.VIEW_SUBSCRIBERS, own_requests.show),
    Route("POST", _REQUEST + "/end", Permission.EDIT_SUBSCRIBERS, own_requests.end),
)
