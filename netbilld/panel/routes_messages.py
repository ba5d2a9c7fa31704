"""The part of the panel's URL map that is about messages to subscribers."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import Route
from netbilld.panel.staff import messages
from netbilld.panel.visit import Public

_MESSAGE: Final = r"/messages/{message:\d{1,15}}"

MESSAGE_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/messages", Permission.VIEW_MONEY, messages.show_list),
    Route("GET", "/messages/drivers", Permission.MANAGE_SETTINGS, messages.show_drivers),
    Route("POST", "/messages/drivers", Permission.MANAGE_SETTINGS, messages.switch_driver),
    Route("GET", "/messages/texts", Permission.MANAGE_SETTINGS, messages.show_texts),
    Route("GET", "/messages/texts/edit", Permission.MANAGE_SETTINGS, messages.show_text),
    Route("POST", "/messages/texts/edit", Permission.MANAGE_SETTINGS, messages.change_text),
    Route("GET", "/messages/telegram", Public.STAFF, messages.show_telegram),
    Route("POST", "/messages/telegram", Public.STAFF, messages.link_telegram),
    Route("GET", _MESSAGE, Permission.VIEW_MONEY, messages.show),
    Route("POST", _MESSAGE + "/retry", Permission.RECORD_PAYMENTS, messages.retry),
)
