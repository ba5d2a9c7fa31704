"""The part of the panel's URL map that is about chats with subscribers."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import SUBSCRIBER, Route
from netbilld.panel.staff import chats

_CHAT: Final = r"/chats/{chat:\d{1,15}}"

CHAT_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/chats", Permission.VIEW_CHATS, chats.show_list),
    Route("GET", "/live/chats", Permission.VIEW_CHATS, chats.live_list),
    Route("GET", _CHAT, Permission.VIEW_CHATS, chats.show),
    Route("GET", "/live" + _CHAT, Permission.VIEW_CHATS, chats.live),
    Route("POST", _CHAT + "/answer", Permission.EDIT_CHATS, chats.answer),
    Route("POST", _CHAT + "/settle", Permission.EDIT_CHATS, chats.settle),
    Route("POST", _CHAT + "/forget", Permission.EDIT_CHATS, chats.forget),
    Route("GET", SUBSCRIBER + "/chats", Permission.VIEW_CHATS, chats.show_person),
    Route("POST", SUBSCRIBER + "/channels", Permission.EDIT_SUBSCRIBERS, chats.prefer),
)
