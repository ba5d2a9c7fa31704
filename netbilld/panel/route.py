"""What a route of the panel is; routes.py has the map, files beside it have its parts."""

from dataclasses import dataclass
from typing import Final

from netbilld.panel.visit import Access, Handler

SUBSCRIBER: Final = r"/subscribers/{number:\d{1,20}}"
SERVICE: Final = SUBSCRIBER + r"/services/{service:[0-9a-f]{8}-[0-9a-f-]{27}}"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, who may use it, and what answers."""

    method: str
    path: str
    access: Access
    handler: Handler
