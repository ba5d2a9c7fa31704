"""The part of the panel's URL map that is about payment gateways."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import Route
from netbilld.panel.staff import gateways

_PAYMENT: Final = "/gateways/attempts/{ref}"
_CALLBACK: Final = r"/gateways/inbox/{id:\d{1,18}}"

GATEWAY_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/gateways", Permission.VIEW_MONEY, gateways.show),
    Route("GET", _PAYMENT, Permission.VIEW_MONEY, gateways.show_attempt),
    Route("POST", _PAYMENT + "/ask", Permission.RECORD_PAYMENTS, gateways.ask),
    Route("POST", _PAYMENT + "/refund", Permission.EDIT_MONEY, gateways.refund),
    Route("POST", _PAYMENT + "/refund/end", Permission.EDIT_MONEY, gateways.end_refund),
    Route("GET", "/gateways/inbox", Permission.VIEW_MONEY, gateways.show_inbox),
    Route("POST", _CALLBACK + "/again", Permission.EDIT_MONEY, gateways.follow_again),
    Route("POST", _CALLBACK + "/give", Permission.EDIT_MONEY, gateways.give),
    Route("POST", _CALLBACK + "/aside", Permission.EDIT_MONEY, gateways.lay_aside),
    Route("GET", "/gateways/differences", Permission.VIEW_MONEY, gateways.show_differences),
    Route("POST", "/gateways/differences", Permission.EDIT_MONEY, gateways.take_report, gateways.LARGEST_OCTETS),
    Route("POST", r"/gateways/differences/{id:\d{1,18}}", Permission.EDIT_MONEY, gateways.see_to),
)
