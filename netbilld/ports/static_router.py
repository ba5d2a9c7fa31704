"""Reading and writing the queues and address lists of a router."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from netbilld.enforcement.router_items import Menu, RouterOrder, Row


class RouterAwayError(Exception):
    """A router could not be asked; its text says why, in words for a person and without a secret."""


class RouterRefusedError(Exception):
    """A router refused one order; its text is the router's own."""


class RouterState(NamedTuple):
    """What stood on a router at a moment.

    Attributes:
        at: when it was read, by our clock.
        uptime_seconds: since the router began; None where it does not say.
        version: as it says it.
        queues: its simple queues in their order, dynamic ones left out.
        entries: of the address lists that were asked for.
    """

    at: datetime
    uptime_seconds: int | None
    version: str
    queues: Sequence[Row]
    entries: Mapping[Menu, Sequence[Row]]


class StaticRouters(Protocol):
    """Routers by NAS; whatever a router or the network does is one of the two errors, within a bounded time."""

    def can(self, nas_id: UUID) -> bool:
        """Tell whether a NAS has an API that we know of."""
        ...

    async def read(self, nas_id: UUID, lists: Collection[str]) -> RouterState:
        """Return what stands on a router: every simple queue, and the entries of these address lists.

        Raises:
            RouterAwayError: it can't be asked.
        """
        ...

    async def carry_out(self, nas_id: UUID, order: RouterOrder) -> str | None:
        """Make one change; return the number that the router has given to what was added.

        Raises:
            RouterAwayError: it can't be asked; whether the change was made is not known.
            RouterRefusedError: it refuses.
        """
        ...

    async def cut(self, nas_id: UUID, addresses: Collection[str]) -> str:
        """End what addresses have open; return why some of it goes on, empty where nothing does. Never raises."""
        ...

    async def read_again(self, nas_id: UUID, items: Collection[tuple[Menu, str]]) -> Mapping[tuple[Menu, str], Row]:
        """Return those of these things, by menu and number, that are still there.

        Raises:
            RouterAwayError: it can't be asked.
        """
        ...
