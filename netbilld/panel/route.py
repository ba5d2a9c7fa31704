"""What a route of the panel is; routes.py has the map, files beside it have its parts."""

from dataclasses import dataclass
from typing import Final

from netbilld.panel.visit import Access, Handler
from netbilld.panel.within import Reach, reach_of

ID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # what is no UUID reaches no handler
SUBSCRIBER: Final = r"/subscribers/{number:\d{1,20}}"
SERVICE: Final = f"{SUBSCRIBER}/services/{{service:{ID}}}"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, who may use it, and what answers.

    Attributes:
        largest_octets: of its body, for forms that bring a file; None is the few that a form without one has.
        within: what it is for those who are limited to areas; None goes by the path (see netbilld.panel.within).
    """

    method: str
    path: str
    access: Access
    handler: Handler
    largest_octets: int | None = None
    within: Reach | None = None

    @property
    def reach(self) -> Reach:
        """Return what it is for those who are limited to areas."""
        return reach_of(self.path) if self.within is None else self.within
