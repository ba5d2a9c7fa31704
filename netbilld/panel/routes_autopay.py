"""The part of the panel's URL map that is about what is paid by itself."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import SUBSCRIBER, Route
from netbilld.panel.staff import autopay

AUTOPAY_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", SUBSCRIBER + "/autopay", Permission.VIEW_MONEY, autopay.show),
    Route("POST", SUBSCRIBER + "/autopay/end", Permission.EDIT_MONEY, autopay.end),
    Route("POST", SUBSCRIBER + "/autopay/renewal", Permission.EDIT_MONEY, autopay.renewal),
)
